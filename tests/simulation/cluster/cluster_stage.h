#ifndef LARDER_TESTS_SIMULATION_CLUSTER_CLUSTER_STAGE_H_
#define LARDER_TESTS_SIMULATION_CLUSTER_CLUSTER_STAGE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/cluster/cluster_world.h"
#include "tests/simulation/cluster/story.h"

namespace larder::simulation {

// A small cluster for a test of one behaviour, what was seen in it, and the faults that tests
// share. Of `shards` and `replicas`, node i is of shard i % shards; the first ones lead at first.
class ClusterStage {
 public:
  struct Seen {
    Millis at;
    size_t node;  // that says so
    cluster::ClusterEvent event;
  };

  explicit ClusterStage(WorldOptions options);

  // Until all shards are served and all replicas able. False: they are not within 20 s.
  bool Begin();

  ClusterWorld& world() { return world_; }
  const cluster::ClusterTable& TableOf(size_t node) {
    return world_.process(node).node().core().table;
  }
  const std::vector<Seen>& seen() const { return seen_; }
  // Events of that kind, of any node or of `by` alone, since `from` (simulated time).
  size_t Count(cluster::ClusterEvent::Kind kind, Millis from,
               std::optional<size_t> by = std::nullopt) const;
  // The first such event since then. Null: none.
  const Seen* First(cluster::ClusterEvent::Kind kind, Millis from, size_t by) const;
  Millis now() { return world_.events().now(); }

  // ---- What ought to be.
  // All nodes that run know the same.
  bool AllAgree();
  // All nodes that run, and are of the shard, but who acts, are able replicas and have its data.
  bool IsWhole(cluster::ShardId shard);
  bool AllWhole();

  // ---- Faults.
  void BlockBoth(size_t one, size_t other);
  void Isolate(size_t node);

  // ---- Clients.
  // A write of `key` at that node. False: refused.
  bool Write(size_t node, const std::string& key, size_t replicas);
  // From now on a write every `every` to whoever acts for the shard, for `replicas`.
  void Load(cluster::ShardId shard, Millis every, size_t replicas);
  // The longest time in which the load found nobody who took a write, since the last call.
  Millis TakeLongestGap();
  uint64_t writes_taken() const { return writes_taken_; }

 private:
  void LoadNext(cluster::ShardId shard, Millis every, size_t replicas);

  ClusterWorld world_;
  std::vector<Seen> seen_;
  uint64_t writes_ = 0;
  uint64_t writes_taken_ = 0;
  Millis last_taken_{0};
  Millis longest_gap_{0};
};

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_CLUSTER_CLUSTER_STAGE_H_
