#ifndef LARDER_CLUSTER_NODE_ELECTION_H_
#define LARDER_CLUSTER_NODE_ELECTION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "cluster/node/node_core.h"
#include "cluster/node/peer_messages.h"
#include "cluster/registers/register_round.h"
#include "cluster/replication/reconnect_backoff.h"

namespace larder::cluster {

// A node that wants to lead its shard: when it stands, and each attempt: prepare, endorsements,
// accept (cluster/README.md). Gives up at once where nothing can come of it. Not thread-safe.
class Election {
 public:
  explicit Election(NodeCore* core);

  // Stands now, not waiting for its rank: another asks it to, or the operator.
  void StandNow(ElectionKind kind, const Ballot& above);
  void Tick();

  void OnPromise(const NodeId& from, const Promise& message);
  void OnAccepted(const NodeId& from, const Accepted& message);
  void OnRefused(const NodeId& from, const Refused& message);
  void OnEndorsed(const NodeId& from, const Endorsed& message);
  void OnNotEndorsed(const NodeId& from, const NotEndorsed& message);
  // What the others of the shard have, by their pings.
  void NoteSibling(const NodeId& node, const DataSummary& data);

  // What it asks others to be bound to, and is bound to itself. Unset: none.
  const Epoch& epoch() const { return epoch_; }
  // Under which this process may open a log, or has. Unset: none.
  const Epoch& won() const { return won_; }
  // Of the last election that it won: who had a say and was passed over, being FAIL.
  const std::set<NodeId>& unheard() const { return unheard_; }

 private:
  struct Cause {
    ElectionKind kind;
    Millis wait;  // before it stands
  };

  // Why this node would stand now. Absent: it would not.
  std::optional<Cause> Reason() const;
  Millis RankDelay() const;
  void Begin(ElectionKind kind);
  // Sends to all who have not answered, and later again.
  void Ask();
  void OnPrepared();
  void BeginEndorsing();
  // Those of the shard, and those that the register names, whom there is a use in asking.
  std::set<NodeId> Asked() const;
  bool MustHave(const NodeId& node) const;
  void MaybePropose();
  // That one has more and is to stand.
  void LetStand(const NodeId& node);
  void OnWon();
  // To try again if there is still a reason, after a while.
  void GiveUp(const char* why);
  void End();

  NodeCore* const core_;
  ReconnectBackoff backoff_;
  std::map<NodeId, DataSummary> siblings_;

  // ---- Waiting to stand.
  std::optional<BootTime> stand_at_;
  BootTime not_before_;  // since an attempt has come to nothing

  // ---- The attempt.
  std::unique_ptr<RegisterRound> round_;
  ElectionKind kind_ = ElectionKind::kFailed;
  ShardId shard_{};
  uint64_t list_epoch_ = 0;
  ShardRegister underneath_;
  Ballot underneath_ballot_;  // under which that was accepted
  Epoch epoch_;
  std::map<NodeId, std::optional<Position>> endorsed_;
  BootTime give_up_at_;
  BootTime ask_again_at_;
  // Endorsements that nobody must have are not waited for longer.
  BootTime endorse_until_;

  Epoch won_;
  std::set<NodeId> passed_over_;  // in this attempt
  std::set<NodeId> unheard_;
  Epoch highest_fence_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_ELECTION_H_
