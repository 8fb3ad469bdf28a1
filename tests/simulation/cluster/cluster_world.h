#ifndef LARDER_TESTS_SIMULATION_CLUSTER_CLUSTER_WORLD_H_
#define LARDER_TESTS_SIMULATION_CLUSTER_CLUSTER_WORLD_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/cluster/cluster_process.h"
#include "tests/simulation/cluster/data_side.h"
#include "tests/simulation/cluster/datagrams.h"
#include "tests/simulation/cluster/replicated_data.h"
#include "tests/simulation/event_queue.h"
#include "tests/simulation/shard_truth.h"
#include "tests/simulation/simulated_network.h"
#include "tests/simulation/simulated_node.h"

namespace larder::simulation {

struct WorldOptions {
  uint32_t shards = 3;
  uint32_t replicas = 1;
  cluster::ClusterConfig config;
  Datagrams::Options network;
  uint64_t seed = 1;
  // False: nodes find each other, and found it themselves, beginning within `begin_within`.
  bool is_founded = true;
  Millis begin_within{0};
  // So many have founded it, at least one a shard, and the others join. 0: all have.
  size_t founders = 0;
  // The seeds of nodes that find each other. Null: all nodes.
  std::function<std::vector<size_t>(size_t node)> seeds;
  // Nodes beside the others, of no cluster and without a seed; the last ones.
  size_t newcomers = 0;
  // Real replication and writes; else data that never changes.
  bool has_data = false;
  NodeOptions data;
  std::function<int64_t(size_t node)> clock_permille;  // null: all are right
  std::function<Millis(size_t node)> work_delay_max;   // of replication; null: as in `data`
  std::function<bool(size_t node)> no_failover;        // null: none is so
  // A process that ends is refused at once, and its connections are reset.
  bool has_evidence = true;
};

// All nodes of a cluster that was founded a while ago, in simulated time, and what must be true of
// them at every instant: nobody else acts for a shard, and epochs rise. A TAKEOVER is excused: whom
// it has not heard may act on.
class ClusterWorld {
 public:
  explicit ClusterWorld(WorldOptions options);

  void Start();
  void Run(Millis length);
  // False: it did not come about within `most`.
  bool RunUntil(const std::function<bool()>& done, Millis most);

  size_t size() const { return processes_.size(); }
  size_t founders() const {
    return options_.founders != 0 ? options_.founders : options_.shards * (1 + options_.replicas);
  }
  ClusterProcess& process(size_t node) { return *processes_[node]; }
  const ClusterProcess& process(size_t node) const { return *processes_[node]; }
  EventQueue& events() { return world_.events; }
  // REQUIRES: has_data.
  SimulatedNode& node(size_t node) { return *nodes_[node]; }
  ReplicatedData& data(size_t node) { return static_cast<ReplicatedData&>(*data_[node]); }
  Datagrams& network() { return *network_; }
  const Datagrams& network() const { return *network_; }
  const WorldOptions& options() const { return options_; }

  void Crash(size_t node);
  void Restart(size_t node);
  // From one to the other nothing arrives; until all is healed.
  void Block(size_t from, size_t to);
  void Heal();
  // A node that does not run comes back at another address, of a name that nobody had before.
  // Seeds: bus endpoints.
  void Readdress(size_t node, const std::string& host, std::vector<std::string> seeds);
  void Command(size_t node, cluster::ClusterInput command);

  // Whose shard it is, as they say themselves.
  const std::vector<size_t>& NodesOf(cluster::ShardId shard) { return nodes_of_[shard]; }
  // Who acts for the shard now. Absent: nobody.
  std::optional<size_t> Acting(cluster::ShardId shard) const;
  bool IsServed() const;
  size_t IndexOf(const cluster::NodeId& node) const;
  const std::optional<std::string>& violation() const { return violation_; }
  void Violate(const std::string& what);
  void set_trace(std::function<void(const std::string&)> trace) { world_.trace = std::move(trace); }
  // Told of each event.
  void set_on_event(std::function<void(size_t node, const cluster::ClusterEvent& event)> on_event) {
    on_event_ = std::move(on_event);
  }
  uint64_t elections() const { return elections_; }
  uint64_t elections_lost() const { return elections_lost_; }
  uint64_t fails() const { return fails_; }
  // The epoch of the newest voter list; how many there were.
  uint64_t newest_list() const { return lists_.empty() ? 0 : *lists_.rbegin(); }
  uint64_t lists() const { return lists_.size(); }
  uint64_t acknowledged() const;

 private:
  void Deliver(size_t from, const cluster::Sending& sending);
  // A ballot has one value, and a message is bounded.
  void CheckSaid(const cluster::Envelope& envelope);
  void Check(size_t node, const cluster::ClusterEffects& effects);
  cluster::DurableCluster Founded(size_t node) const;
  void NoteShard(size_t node);
  // What those alone have who are able no more, being forgotten, is lost by right.
  void NoteAble(size_t primary);
  // There was a TAKEOVER of which the node has not heard. REQUIRES: it runs.
  bool IsSetAside(size_t node) const;

  std::unique_ptr<DataSide> StillDataOf(size_t node);
  std::unique_ptr<DataSide> ReplicatedDataOf(size_t node, uint64_t seed);
  Millis Now() const { return world_.events.now(); }

  WorldOptions options_;
  World world_;
  std::map<cluster::ShardId, ShardTruth> truths_;
  std::map<cluster::ShardId, std::vector<size_t>> nodes_of_;
  std::vector<std::optional<cluster::ShardId>> shard_of_;
  std::unique_ptr<SimulatedNetwork> streams_;
  std::unique_ptr<Datagrams> network_;
  std::vector<std::unique_ptr<SimulatedNode>> nodes_;
  std::vector<std::unique_ptr<DataSide>> data_;
  std::vector<std::unique_ptr<ClusterProcess>> processes_;
  std::map<cluster::NodeId, size_t> by_id_;
  std::map<std::string, size_t> by_endpoint_;
  std::map<cluster::ShardId, cluster::Epoch> epochs_;
  std::map<cluster::ShardId, std::set<cluster::NodeId>> able_;  // and who leads; by him
  std::map<std::pair<cluster::RegisterKey, cluster::Ballot>, cluster::ShardRegister> proposed_;
  std::function<void(size_t node, const cluster::ClusterEvent& event)> on_event_;
  std::optional<std::string> violation_;
  uint64_t elections_ = 0;
  uint64_t elections_lost_ = 0;
  uint64_t fails_ = 0;
  std::set<uint64_t> lists_;  // epochs of voter lists that are on a disk
  uint64_t floor_ = 0;        // of the last TAKEOVER: what earlier lists bring about is set aside
};

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_CLUSTER_CLUSTER_WORLD_H_
