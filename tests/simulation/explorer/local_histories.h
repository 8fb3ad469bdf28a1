#ifndef LARDER_TESTS_SIMULATION_EXPLORER_LOCAL_HISTORIES_H_
#define LARDER_TESTS_SIMULATION_EXPLORER_LOCAL_HISTORIES_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "cluster/node/cluster_node.h"

namespace larder::simulation {

// What a process has been through since it began, and what it said at the last of it. Two are the
// same if their hashes are.
struct Local {
  struct Said {
    uint64_t id = 0;
    size_t to = 0;
    std::shared_ptr<const cluster::ClusterInput> input;
    uint64_t after_save = 0;
  };

  uint64_t hash = 0;
  const Local* before = nullptr;  // null: the process begins

  // ---- The last event.
  cluster::BootTime now;
  std::shared_ptr<const cluster::ClusterInput> input;  // null: time alone
  cluster::DataStatus status;

  // ---- What came of it.
  std::vector<Said> said;
  std::shared_ptr<const cluster::DurableCluster> save;  // null: none
  uint64_t save_number = 0;
  std::optional<cluster::BootTime> may_act_until;
  std::optional<cluster::ShardId> shard;
  cluster::DataPlan plan;
  cluster::Epoch fence;  // on disk
  std::optional<cluster::Epoch> leads;

  // ---- Of a process that begins.
  size_t node = 0;
  std::shared_ptr<const cluster::DurableCluster> disk;
  uint64_t seed = 0;

  mutable std::map<uint64_t, std::unique_ptr<Local>> next;
  mutable std::unique_ptr<cluster::ClusterNode> machine;  // at this point; null: made again
};

// The histories of processes, each a tree. A ClusterNode cannot be copied, so one is made again
// from its history where it is needed, and what came of an event is kept.
class LocalHistories {
 public:
  LocalHistories(cluster::ClusterConfig config, size_t nodes);

  // A process begins with this disk, whose hash is `disk_hash`.
  const Local* Begin(size_t node, std::shared_ptr<const cluster::DurableCluster> disk,
                     uint64_t disk_hash, cluster::Epoch fence, cluster::BootTime now);
  // `input_id`: 0 without an input. `followers`: a bit for each node that follows this one.
  const Local* Step(const Local* local, cluster::BootTime now, uint64_t input_id,
                    std::shared_ptr<const cluster::ClusterInput> input, uint32_t followers);

  uint64_t steps() const { return steps_; }
  uint64_t steps_again() const { return steps_again_; }
  uint64_t size() const { return size_; }

 private:
  cluster::ClusterConfig ConfigOf(size_t node) const;
  std::unique_ptr<cluster::ClusterNode> MachineAt(const Local* local);
  void Keep(const Local* local, std::unique_ptr<cluster::ClusterNode> machine);

  const cluster::ClusterConfig config_;
  const size_t nodes_;
  std::map<uint64_t, std::unique_ptr<Local>> begun_;
  std::deque<const Local*> with_machines_;
  uint64_t steps_ = 0;
  uint64_t steps_again_ = 0;
  uint64_t size_ = 0;
};

// Of a founded cluster with one shard, led by node 0, whose nodes all vote.
cluster::DurableCluster FoundedDisk(size_t node, size_t nodes);
uint64_t MixHashes(uint64_t one, uint64_t other);

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_EXPLORER_LOCAL_HISTORIES_H_
