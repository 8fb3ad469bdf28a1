#ifndef LARDER_CLUSTER_REGISTERS_REGISTER_ACCEPTOR_H_
#define LARDER_CLUSTER_REGISTERS_REGISTER_ACCEPTOR_H_

#include <cstddef>
#include <map>
#include <utility>

#include "cluster/registers/register_value.h"

namespace larder::cluster {

// A voter's side of the registers, as in CASPaxos (Rystsov 2018, "CASPaxos: Replicated State
// Machines without logs", section 2.2). Knows nothing of what values mean: whoever asks it has
// looked before whether the change may be. What it answers is to be durable before the answer is
// sent. Not thread-safe.
class RegisterAcceptor {
 public:
  using States = std::map<RegisterKey, RegisterState>;

  RegisterAcceptor() = default;
  explicit RegisterAcceptor(States recovered) : states_(std::move(recovered)) {}

  // Promises not to accept below `ballot`. False: it has promised a higher one.
  [[nodiscard]] bool Prepare(const RegisterKey& key, const Ballot& ballot);
  // False: it has promised a higher ballot.
  [[nodiscard]] bool Accept(const RegisterKey& key, const Ballot& ballot, RegisterValue value);
  // The value was chosen under this ballot. False: it has that one, or a later one.
  bool Learn(const RegisterKey& key, const Ballot& ballot, RegisterValue value);
  // What another voter holds: afterwards this one has promised and accepted what either had.
  void Merge(const RegisterKey& key, const RegisterState& other);
  void Forget(const RegisterKey& key) { states_.erase(key); }

  // None was ever promised or accepted: the default.
  const RegisterState& At(const RegisterKey& key) const;
  const States& states() const { return states_; }

 private:
  States states_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REGISTERS_REGISTER_ACCEPTOR_H_
