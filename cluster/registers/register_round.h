#ifndef LARDER_CLUSTER_REGISTERS_REGISTER_ROUND_H_
#define LARDER_CLUSTER_REGISTERS_REGISTER_ROUND_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "cluster/registers/register_value.h"
#include "cluster/registers/voter_list.h"

namespace larder::cluster {

// A proposer's side of one ballot: prepare, then one value. The shell of it sends to `Unanswered`,
// now and again, and tells the answers; each counts once. Not thread-safe.
class RegisterRound {
 public:
  enum class Phase : uint8_t {
    kPreparing,
    kPrepared,   // a majority has promised: the value underneath is known
    kAccepting,  // a value was proposed
    kChosen,
    kLost,  // so many refused that no majority can come about
  };

  // REQUIRES: a ballot that was never used; a list that has voters.
  RegisterRound(RegisterKey key, Ballot ballot, const VoterList& list)
      : RegisterRound(key, ballot, list, list.Majority()) {}
  // Where more are needed than a majority of these.
  RegisterRound(RegisterKey key, Ballot ballot, const VoterList& list, size_t majority)
      : key_(key), ballot_(ballot), voters_(list.voters), majority_(majority) {}

  Phase phase() const { return phase_; }
  const RegisterKey& key() const { return key_; }
  const Ballot& ballot() const { return ballot_; }
  // The highest ballot that a voter has named: the next one should be above it.
  const Ballot& highest_seen() const { return highest_seen_; }

  void OnPromise(const NodeId& voter, const RegisterState& state);
  void OnAccepted(const NodeId& voter);
  // The voter will not; `promised`: what it has promised, if it is for that.
  void OnRefused(const NodeId& voter, const Ballot& promised);
  // What a majority knows to be accepted under the highest ballot. REQUIRES: phase kPrepared.
  const RegisterState& Underneath() const { return underneath_; }
  // REQUIRES: phase kPrepared.
  void Propose(RegisterValue value);
  const RegisterValue& proposed() const { return proposed_; }
  // Those who have not answered in this phase.
  std::vector<NodeId> Unanswered() const;

 private:
  bool IsAwaited(const NodeId& voter) const;
  void Reach(Phase phase) {
    phase_ = phase;
    agreed_.clear();
    refused_.clear();
  }

  const RegisterKey key_;
  const Ballot ballot_;
  const std::vector<NodeId> voters_;
  const size_t majority_;
  Phase phase_ = Phase::kPreparing;
  std::set<NodeId> agreed_;
  std::set<NodeId> refused_;
  Ballot highest_seen_;
  RegisterState underneath_;
  RegisterValue proposed_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REGISTERS_REGISTER_ROUND_H_
