#include "cluster/replication/departed_replicas.h"

namespace larder::cluster {

void DepartedReplicas::Note(const Replica& replica) {
  Forget(replica.node);
  if (replicas_.size() == replicas_max_ && !replicas_.empty()) replicas_.erase(replicas_.begin());
  if (replicas_.size() < replicas_max_) replicas_.push_back(replica);
}

void DepartedReplicas::Forget(const NodeId& node) {
  std::erase_if(replicas_, [&node](const Replica& replica) { return replica.node == node; });
}

}  // namespace larder::cluster
