#ifndef LARDER_CLUSTER_NODE_TAKE_OVER_H_
#define LARDER_CLUSTER_NODE_TAKE_OVER_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "cluster/node/election.h"
#include "cluster/node/node_core.h"

namespace larder::cluster {

// TAKEOVER: an operator's word that all whom this node does not hear are dead, where no majority of
// the voters is left. Those whom it hears are the voters from then on, without being asked, and
// this node is to lead its shard. What the others decide meanwhile counts no more when they return:
// the one exception to "one writer at any time" (ordering.md rule 11). Not thread-safe.
class TakeOver {
 public:
  TakeOver(NodeCore* core, Election* election) : core_(core), election_(election) {}

  void Begin();
  void Tick();
  // How many there have been before the list of this epoch, and which of those that did not know of
  // each other.
  static uint64_t CountOf(uint64_t list_epoch) { return list_epoch >> kSuccessorBits; }

 private:
  static constexpr int kSuccessorBits = 12;
  // Whom this node hears, as voters; itself among them.
  std::vector<NodeId> Heard() const;
  // Above all terms and ballots that it knows of, by more than others may have drawn meanwhile.
  uint64_t FloorWith(uint64_t chance) const;

  NodeCore* const core_;
  Election* const election_;
  // It stands until then, if it does not lead before.
  std::optional<BootTime> stands_until_;
  BootTime stand_at_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_TAKE_OVER_H_
