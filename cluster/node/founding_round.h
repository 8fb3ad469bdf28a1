#ifndef LARDER_CLUSTER_NODE_FOUNDING_ROUND_H_
#define LARDER_CLUSTER_NODE_FOUNDING_ROUND_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "cluster/node/node_core.h"
#include "cluster/node/peer_messages.h"
#include "cluster/registers/founding.h"
#include "cluster/registers/register_round.h"

namespace larder::cluster {

// A node that is of no cluster: it looks for one, and for others like itself; and when there are
// enough of these, founds one with them. One decision by ballots among as many nodes as are wanted,
// or as are there if those are more; whoever takes part is bound only until a higher ballot. Not
// thread-safe.
class FoundingRound {
 public:
  explicit FoundingRound(NodeCore* core) : core_(core) {}

  void Tick();
  // Another node that is of no cluster.
  void NoteSeeker(const Member& member);
  void OnPrepare(const NodeId& from, const Prepare& message);
  void OnPromise(const NodeId& from, const Promise& message);
  void OnAccept(const NodeId& from, const Accept& message);
  void OnAccepted(const NodeId& from, const Accepted& message);
  void OnRefused(const NodeId& from, const Refused& message);
  // It was decided.
  void Adopt(const Founding& founding, const Ballot& ballot);
  // What this node has accepted, or knows to be decided. Null: nothing.
  const Founding* Known() const;

 private:
  struct Seeker {
    Member member;
    BootTime heard;
  };

  size_t WantedNodes() const;
  // How many must agree.
  size_t Majority() const;
  std::shared_ptr<const Founding> Propose() const;
  void Ask();

  NodeCore* const core_;
  std::map<NodeId, Seeker> seekers_;  // heard lately; this node included
  std::optional<BootTime> enough_since_;
  std::unique_ptr<RegisterRound> round_;
  BootTime give_up_at_;
  BootTime ask_again_at_;
  BootTime not_before_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_FOUNDING_ROUND_H_
