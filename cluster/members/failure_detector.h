#ifndef LARDER_CLUSTER_MEMBERS_FAILURE_DETECTOR_H_
#define LARDER_CLUSTER_MEMBERS_FAILURE_DETECTOR_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "cluster/replication/boot_time.h"
#include "cluster/replication/node_id.h"

namespace larder::cluster {

// Whom this node holds for dead, by what it hears itself: PFAIL, one node's view. A peer is well if
// it is heard, and hears: it tells what of this node's it has heard last. Not thread-safe.
class FailureDetector {
 public:
  // A peer is dead that was not heard, or has not heard, for `timeout`.
  explicit FailureDetector(Millis timeout) : timeout_(timeout) {}

  // From now on; known and unheard of, it has one timeout.
  void Watch(const NodeId& peer, BootTime now);
  void Unwatch(const NodeId& peer) { peers_.erase(peer); }
  bool IsWatched(const NodeId& peer) const { return peers_.count(peer) != 0; }

  // Something has come from it, and the last thing of this node's that it had heard then was sent
  // at `heard_of`; absent: nothing yet.
  void OnHeard(const NodeId& peer, std::optional<BootTime> heard_of, BootTime now);
  // Evidence: its connection was refused, or reset and then not made again.
  void OnRefused(const NodeId& peer);
  // It says of itself that it cannot work, or that it can.
  void OnCondition(const NodeId& peer, bool is_well);
  // This node itself did nothing for so long: what came meanwhile may not have been looked at yet.
  void OnPause(Millis length);

  bool IsSuspect(const NodeId& peer, BootTime now) const;
  // Heard, and hearing, within the timeout.
  bool IsWell(const NodeId& peer, BootTime now) const {
    return IsWatched(peer) && !IsSuspect(peer, now);
  }
  std::vector<NodeId> Suspects(BootTime now) const;
  // Somebody may be suspect now, or not any more, by more than that time has passed.
  bool has_news() const { return has_news_; }
  void ClearNews() { has_news_ = false; }

 private:
  struct Peer {
    BootTime heard;
    BootTime hears;  // when it is known to have been able to hear
    bool is_refused = false;
    bool is_unwell = false;
    bool is_excused = false;  // for a silence, since it was last known to hear
  };
  // Longer than between two messages of one who is well.
  Millis LongSilence() const { return timeout_ / 2; }
  bool IsSuspect(const Peer& peer, BootTime now) const;

  const Millis timeout_;
  bool has_news_ = false;
  std::map<NodeId, Peer> peers_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_MEMBERS_FAILURE_DETECTOR_H_
