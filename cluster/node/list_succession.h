#ifndef LARDER_CLUSTER_NODE_LIST_SUCCESSION_H_
#define LARDER_CLUSTER_NODE_LIST_SUCCESSION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "cluster/node/node_core.h"
#include "cluster/node/peer_messages.h"
#include "cluster/registers/register_round.h"

namespace larder::cluster {

// Which list succeeds the present one: what a voter wants it to be, and the decision. One node is
// added or taken out at a time. Not thread-safe.
class ListSuccession {
 public:
  explicit ListSuccession(NodeCore* core) : core_(core) {}

  void Tick();
  void OnPromise(const NodeId& from, const Promise& message);
  void OnAccepted(const NodeId& from, const Accepted& message);
  void OnRefused(const NodeId& from, const Refused& message);

  // Whom a list of these members should have; at most seven, and an odd number. Of fewer than three
  // nodes those who lead, each with permanent authority. Empty: as it is.
  static VoterList Wanted(const ClusterTable& table);

 private:
  // Absent: the present one is right, or the time has not come.
  std::optional<VoterList> Next() const;
  // How many of the voters that are alive come before this node.
  size_t Rank() const;
  bool IsSealed() const;
  void Ask();
  void GiveUp();

  NodeCore* const core_;
  std::unique_ptr<RegisterRound> round_;
  VoterList next_;
  BootTime give_up_at_;
  BootTime ask_again_at_;
  std::optional<BootTime> propose_at_;
  uint64_t looked_at_ = 0;  // of the table's changes
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_LIST_SUCCESSION_H_
