#ifndef LARDER_CLUSTER_NODE_HEARTBEATS_H_
#define LARDER_CLUSTER_NODE_HEARTBEATS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "cluster/node/authority.h"
#include "cluster/node/node_core.h"
#include "cluster/node/peer_messages.h"
#include "cluster/node/voter.h"

namespace larder::cluster {

// Pings and their answers: who is alive, what changed, and the grants of a primary. Not
// thread-safe.
class Heartbeats {
 public:
  Heartbeats(NodeCore* core, Voter* voter, Authority* authority)
      : core_(core), voter_(voter), authority_(authority) {}

  void Tick();
  void OnPing(const NodeId& from, const Ping& message);
  void OnPong(const NodeId& from, const Pong& message);
  // The next ping to each of the voters is due now.
  void HurryToVoters();
  // How many of the voters answer, this node included.
  size_t VotersHeard() const;
  // How many of them it hears say that they act as such, this one among them.
  size_t VotersActing(const VoterList& list) const;
  // A peer has a slot map newer than this node's. Absent: nobody that was heard lately.
  std::optional<NodeId> WhoHasNewerSlotMap() const;
  // It has all that somebody knew when he answered last.
  bool is_in_sync() const { return is_in_sync_; }

 private:
  // How many pings, or answers, may be on their way.
  static constexpr size_t kOpenMax = 16;
  struct Peer {
    uint64_t number = 0;                              // of the last ping to it
    std::deque<std::pair<uint64_t, BootTime>> pings;  // to it, without an answer
    uint64_t heard = 0;                               // the highest that it has answered
    std::deque<std::pair<uint64_t, BootTime>> pongs;  // to it, by the number of its ping
    BootTime next_ping;
    TableCursor seen;        // how far this node has the peer's table
    uint64_t confirmed = 0;  // how far the peer has this node's
    uint64_t slot_map_version = 0;
    uint64_t acts_under = 0;  // the voter list; 0: none
  };

  // Whom this node pings, and whom it watches: anew when its table has changed.
  void ChooseTargets();
  Gossip MakeGossip(const NodeId& to, Peer* peer) const;
  void Take(const NodeId& from, const Gossip& gossip, bool is_answer, Peer* peer);
  void SendPing(const NodeId& to, Peer* peer);
  std::optional<GrantRequest> Request() const;

  NodeCore* const core_;
  Voter* const voter_;
  Authority* const authority_;
  std::map<NodeId, Peer> peers_;
  std::set<NodeId> targets_;
  uint64_t chosen_at_ = UINT64_MAX;  // number of the table's change
  BootTime next_random_;
  bool is_in_sync_ = false;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_HEARTBEATS_H_
