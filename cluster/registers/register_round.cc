#include "cluster/registers/register_round.h"

#include <algorithm>
#include <utility>

namespace larder::cluster {

bool RegisterRound::IsAwaited(const NodeId& voter) const {
  return std::binary_search(voters_.begin(), voters_.end(), voter) && agreed_.count(voter) == 0 &&
         refused_.count(voter) == 0;
}

void RegisterRound::OnPromise(const NodeId& voter, const RegisterState& state) {
  if (phase_ != Phase::kPreparing || !IsAwaited(voter)) return;
  agreed_.insert(voter);
  if (state.accepted > underneath_.accepted) underneath_ = state;
  if (agreed_.size() >= majority_) Reach(Phase::kPrepared);
}

void RegisterRound::OnAccepted(const NodeId& voter) {
  if (phase_ != Phase::kAccepting || !IsAwaited(voter)) return;
  agreed_.insert(voter);
  if (agreed_.size() >= majority_) Reach(Phase::kChosen);
}

void RegisterRound::OnRefused(const NodeId& voter, const Ballot& promised) {
  highest_seen_ = std::max(highest_seen_, promised);
  if (phase_ != Phase::kPreparing && phase_ != Phase::kAccepting) return;
  if (!IsAwaited(voter)) return;
  refused_.insert(voter);
  if (voters_.size() - refused_.size() < majority_) Reach(Phase::kLost);
}

void RegisterRound::Propose(RegisterValue value) {
  Reach(Phase::kAccepting);
  proposed_ = std::move(value);
}

std::vector<NodeId> RegisterRound::Unanswered() const {
  std::vector<NodeId> voters;
  for (const NodeId& voter : voters_) {
    if (IsAwaited(voter)) voters.push_back(voter);
  }
  return voters;
}

}  // namespace larder::cluster
