#ifndef LARDER_CLUSTER_REPLICATION_DEPARTED_REPLICAS_H_
#define LARDER_CLUSTER_REPLICATION_DEPARTED_REPLICAS_H_

#include <cstddef>
#include <vector>

#include "cluster/replication/node_id.h"
#include "cluster/replication/position.h"

namespace larder::cluster {

// Replicas without a stream, and what they had when they were last heard of: they may have it
// still, so it is not lost with the node. Of no more than `replicas_max`, those that went last.
// Not thread-safe.
class DepartedReplicas {
 public:
  struct Replica {
    NodeId node;
    Position applied;
  };

  explicit DepartedReplicas(size_t replicas_max) : replicas_max_(replicas_max) {}

  // In place of what was known of it.
  void Note(const Replica& replica);
  void Forget(const NodeId& node);
  void Clear() { replicas_.clear(); }
  // The one that went last is the last.
  const std::vector<Replica>& all() const { return replicas_; }

 private:
  const size_t replicas_max_;
  std::vector<Replica> replicas_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_DEPARTED_REPLICAS_H_
