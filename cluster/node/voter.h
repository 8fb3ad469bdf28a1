#ifndef LARDER_CLUSTER_NODE_VOTER_H_
#define LARDER_CLUSTER_NODE_VOTER_H_

#include <cstdint>
#include <optional>

#include "cluster/node/grants_given.h"
#include "cluster/node/node_core.h"
#include "cluster/node/peer_messages.h"

namespace larder::cluster {

// A node as one of the voters: what it promises, accepts and lends. Answers nothing but refusals
// where it may not act. Not thread-safe.
class Voter {
 public:
  // For one lease it lends nothing: an earlier process may have lent what still runs.
  explicit Voter(NodeCore* core);

  void OnPrepare(const NodeId& from, const Prepare& message);
  void OnAccept(const NodeId& from, const Accept& message);
  // True: it is news.
  bool OnChosen(const RegisterKey& key, const Ballot& ballot, const RegisterValue& value);
  // Absent: it lends nothing.
  std::optional<Grant> OnRequest(const NodeId& from, const GrantRequest& request);
  GrantsGiven* grants() { return &grants_; }

 private:
  // Whether it has a say in that register, under that list.
  bool IsAsked(const RegisterKey& key, uint64_t list_epoch) const;
  std::optional<Refused> ReasonAgainst(const NodeId& from, const Prepare& message) const;
  std::optional<Refused> ReasonAgainst(const NodeId& from, const Accept& message) const;
  bool DecidesOn(ShardId shard) const;
  // Why this election is not to be. `from`: the candidate.
  std::optional<Refused> ReasonAgainstElection(const NodeId& from, const Accept& message) const;
  std::optional<Refused> ReasonAgainstEndorsement(const ElectionProof& proof,
                                                  const NodeId& node) const;
  uint64_t SlotMapVersion() const;
  void NoteNewValue(const RegisterKey& key, const RegisterValue& before, const RegisterValue& after,
                    const ElectionProof* proof);

  NodeCore* const core_;
  GrantsGiven grants_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_VOTER_H_
