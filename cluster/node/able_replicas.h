#ifndef LARDER_CLUSTER_NODE_ABLE_REPLICAS_H_
#define LARDER_CLUSTER_NODE_ABLE_REPLICAS_H_

#include <memory>
#include <optional>
#include <vector>

#include "cluster/node/node_core.h"
#include "cluster/node/peer_messages.h"
#include "cluster/registers/register_round.h"

namespace larder::cluster {

// A primary that writes into its shard's register which replicas have caught up, so that their
// acknowledgements count and they are asked before another leads. Not thread-safe.
class AbleReplicas {
 public:
  explicit AbleReplicas(NodeCore* core) : core_(core) {}

  // `may_act`: the primary has authority now.
  void Tick(bool may_act);
  void OnPromise(const NodeId& from, const Promise& message);
  void OnAccepted(const NodeId& from, const Accepted& message);
  void OnRefused(const NodeId& from, const Refused& message);

 private:
  // Whom the register should name. Absent: whom it names.
  bool IsForgotten(const NodeId& node) const;
  std::optional<std::vector<NodeId>> Wanted(const ShardRegister& own) const;
  void Ask();
  void End() { round_.reset(); }

  NodeCore* const core_;
  std::unique_ptr<RegisterRound> round_;
  std::vector<NodeId> wanted_;
  uint64_t list_epoch_ = 0;
  BootTime give_up_at_;
  BootTime ask_again_at_;
  BootTime not_before_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_ABLE_REPLICAS_H_
