#ifndef LARDER_CLUSTER_NODE_HAND_OVER_H_
#define LARDER_CLUSTER_NODE_HAND_OVER_H_

#include <optional>

#include "cluster/node/endorser.h"
#include "cluster/node/node_core.h"
#include "cluster/node/peer_messages.h"

namespace larder::cluster {

// A planned failover, at the primary: once the successor is close it holds its writes, lets it have
// the rest, and has it stand; its endorsement is then the last that it does as a primary. It takes
// writes again if nothing has come of it in time. Not thread-safe.
class PlannedHandOver {
 public:
  PlannedHandOver(NodeCore* core, Endorser* endorser) : core_(core), endorser_(endorser) {}

  void Begin(const NodeId& successor);
  void Tick();
  bool holds_writes() const { return hold_until_.has_value(); }

 private:
  void End();

  NodeCore* const core_;
  Endorser* const endorser_;
  std::optional<NodeId> successor_;
  BootTime give_up_at_;  // before it has held anything
  std::optional<BootTime> hold_until_;
  BootTime ask_again_at_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_HAND_OVER_H_
