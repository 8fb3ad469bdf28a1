#include "cluster/registers/register_acceptor.h"

#include <algorithm>

#include "cluster/registers/protocol_fault.h"

namespace larder::cluster {

bool RegisterAcceptor::Prepare(const RegisterKey& key, const Ballot& ballot) {
  RegisterState& state = states_[key];
  if (ballot < state.promised) return false;
  if (HasFault(ProtocolFault::kFirstFoundingBinds) && state.promised.is_set() &&
      state.promised != ballot && key.kind == RegisterKey::Kind::kFounding) {
    return false;
  }
  state.promised = ballot;
  return true;
}

bool RegisterAcceptor::Accept(const RegisterKey& key, const Ballot& ballot, RegisterValue value) {
  RegisterState& state = states_[key];
  if (ballot < state.promised && !HasFault(ProtocolFault::kVoteTwice)) return false;
  state = {ballot, ballot, std::move(value)};
  return true;
}

bool RegisterAcceptor::Learn(const RegisterKey& key, const Ballot& ballot, RegisterValue value) {
  RegisterState& state = states_[key];
  if (ballot <= state.accepted) return false;
  // A promise of a higher ballot stays. Whoever prepared that one has met this value, or will not
  // be accepted: a majority had it.
  state = {std::max(state.promised, ballot), ballot, std::move(value)};
  return true;
}

void RegisterAcceptor::Merge(const RegisterKey& key, const RegisterState& other) {
  RegisterState& state = states_[key];
  state.promised = std::max(state.promised, other.promised);
  if (other.accepted > state.accepted) {
    state.accepted = other.accepted;
    state.value = other.value;
  }
}

const RegisterState& RegisterAcceptor::At(const RegisterKey& key) const {
  static const RegisterState kNone;
  const auto found = states_.find(key);
  return found == states_.end() ? kNone : found->second;
}

}  // namespace larder::cluster
