#include "cluster/node/voter.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

#include "cluster/registers/protocol_fault.h"

namespace larder::cluster {
namespace {

Refused Refusal(const Prepare& message, Refused::Reason reason) {
  return {message.key, message.ballot, reason, {}, {}};
}

Refused Refusal(const Accept& message, Refused::Reason reason) {
  return {message.key, message.ballot, reason, {}, {}};
}

// A node without data is behind any that has some.
bool IsAhead(const std::optional<Position>& one, const std::optional<Position>& other) {
  return one.has_value() && (!other.has_value() || *one > *other);
}

bool IsSubset(const std::vector<NodeId>& some, const ShardRegister& of) {
  return std::all_of(some.begin(), some.end(),
                     [&of](const NodeId& node) { return of.IsAble(node) || of.primary() == node; });
}

}  // namespace

Voter::Voter(NodeCore* core)
    : core_(core),
      grants_(HasFault(ProtocolFault::kRestartedVoterLends)
                  ? BootTime()
                  : core->now + core->config.GrantLasts(core->config.lease())) {}

bool Voter::IsAsked(const RegisterKey& key, uint64_t list_epoch) const {
  if (key.kind != RegisterKey::Kind::kSuccessor) {
    if (!core_->ActsAsVoter() || list_epoch != core_->acts_under) return false;
    return key.kind != RegisterKey::Kind::kShard || DecidesOn(key.shard());
  }
  // That decision is made by those who have stopped as well.
  const VoterList& list = core_->table.voters();
  return list.epoch == core_->acts_under && list.Has(core_->node) && key.number == list.epoch &&
         list_epoch == list.epoch;
}

bool Voter::DecidesOn(ShardId shard) const {
  return core_->table.voters().Of(shard).Has(core_->node);
}

std::optional<Refused> Voter::ReasonAgainst(const NodeId& from, const Prepare& message) const {
  if (!IsAsked(message.key, message.list_epoch)) {
    return Refusal(message, Refused::Reason::kList);
  }
  if (message.key.kind != RegisterKey::Kind::kShard) return std::nullopt;
  const RegisterState& state = core_->acceptor.At(message.key);
  const auto* const value = std::get_if<ShardRegister>(&state.value);
  // What was accepted here may never have been chosen, so whoever is said to lead may look at it;
  // the proof of his election will tell. Another has to wait until the primary is dead.
  if (message.election == ElectionKind::kFailed && value != nullptr && value->primary() != from &&
      !core_->table.IsFailed(value->primary())) {
    return Refusal(message, Refused::Reason::kPrimaryLives);
  }
  return std::nullopt;
}

void Voter::OnPrepare(const NodeId& from, const Prepare& message) {
  if (auto refusal = ReasonAgainst(from, message); refusal.has_value()) {
    core_->SendAtOnce(from, *std::move(refusal));
    return;
  }
  if (!core_->acceptor.Prepare(message.key, message.ballot)) {
    Refused refusal = Refusal(message, Refused::Reason::kBallot);
    refusal.promised = core_->acceptor.At(message.key).promised;
    core_->SendAtOnce(from, refusal);
    return;
  }
  core_->MustSave();
  const RegisterState& state = core_->acceptor.At(message.key);
  core_->Send(from, Promise{message.key, message.ballot, state.accepted, state.value});
}

std::optional<Refused> Voter::ReasonAgainstEndorsement(const ElectionProof& proof,
                                                       const NodeId& node) const {
  Refused refusal;
  refusal.about = node;
  const ElectionProof::Endorsement* const endorsement = proof.Find(node);
  if (endorsement == nullptr) {
    if (HasFault(ProtocolFault::kNoEndorsement)) return std::nullopt;
    if (core_->IsGone(node)) return std::nullopt;
    refusal.reason = Refused::Reason::kNotEndorsed;
    return refusal;
  }
  if (!IsAhead(endorsement->position, proof.position)) return std::nullopt;
  if (HasFault(ProtocolFault::kBehindStands)) return std::nullopt;
  refusal.reason = Refused::Reason::kBehind;
  return refusal;
}

std::optional<Refused> Voter::ReasonAgainstElection(const NodeId& from,
                                                    const Accept& message) const {
  const auto& value = std::get<ShardRegister>(message.value);
  const ElectionProof& proof = *message.proof;
  const ShardRegister& underneath = proof.underneath;
  const bool follows = value.version == underneath.version + 1 && value.primary() == from &&
                       value.epoch.term > underneath.epoch.term && IsSubset(value.able, underneath);
  if (!follows) return Refusal(message, Refused::Reason::kValue);
  std::vector<NodeId> asked = underneath.able;
  if (proof.kind != ElectionKind::kForced) asked.push_back(underneath.primary());
  if (!proof.position.has_value() && !HasFault(ProtocolFault::kEmptyNodeStands)) {
    // Nobody who may have data is passed over by one who has none.
    const std::set<NodeId>& siblings = core_->table.MembersOf(message.key.shard());
    asked.insert(asked.end(), siblings.begin(), siblings.end());
  }
  for (const ElectionProof::Endorsement& endorsement : proof.endorsements) {
    asked.push_back(endorsement.node);
  }
  for (const NodeId& node : asked) {
    if (node == from) continue;
    auto refusal = ReasonAgainstEndorsement(proof, node);
    if (!refusal.has_value()) continue;
    refusal->key = message.key;
    refusal->ballot = message.ballot;
    return refusal;
  }
  return std::nullopt;
}

std::optional<Refused> Voter::ReasonAgainst(const NodeId& from, const Accept& message) const {
  if (!IsAsked(message.key, message.list_epoch)) {
    return Refusal(message, Refused::Reason::kList);
  }
  switch (message.key.kind) {
    case RegisterKey::Kind::kShard: {
      const auto* const value = std::get_if<ShardRegister>(&message.value);
      if (value == nullptr) return Refusal(message, Refused::Reason::kValue);
      if (message.proof.has_value()) return ReasonAgainstElection(from, message);
      const auto* const before = std::get_if<ShardRegister>(&core_->acceptor.At(message.key).value);
      // Only its primary says who is able, and under the epoch that it was elected for.
      if (value->primary() != from || (before != nullptr && value->epoch < before->epoch)) {
        return Refusal(message, Refused::Reason::kValue);
      }
      return std::nullopt;
    }
    case RegisterKey::Kind::kSlotMap:
      return std::get_if<std::shared_ptr<const SlotMap>>(&message.value) == nullptr
                 ? std::optional(Refusal(message, Refused::Reason::kValue))
                 : std::nullopt;
    case RegisterKey::Kind::kFounding:
      return Refusal(message, Refused::Reason::kValue);
    case RegisterKey::Kind::kSuccessor: {
      const auto* const next = std::get_if<VoterList>(&message.value);
      const VoterList& list = core_->table.voters();
      const bool follows = next != nullptr && next->epoch == list.epoch + 1 &&
                           next->before == list.voters && next->floor == list.floor;
      if (!follows) return Refusal(message, Refused::Reason::kValue);
      return std::nullopt;
    }
  }
  return Refusal(message, Refused::Reason::kValue);
}

void Voter::NoteNewValue(const RegisterKey& key, const RegisterValue& before,
                         const RegisterValue& after, const ElectionProof* proof) {
  if (key.kind != RegisterKey::Kind::kShard) return;
  const auto* const old_value = std::get_if<ShardRegister>(&before);
  const auto& new_value = std::get<ShardRegister>(after);
  const Epoch old_epoch = old_value == nullptr ? Epoch() : old_value->epoch;
  const bool has_endorsed = proof != nullptr && proof->underneath.epoch == old_epoch &&
                            proof->Find(proof->underneath.primary()) != nullptr;
  grants_.OnAccepted(key.shard(), old_epoch, new_value.epoch, has_endorsed);
}

void Voter::OnAccept(const NodeId& from, const Accept& message) {
  if (auto refusal = ReasonAgainst(from, message); refusal.has_value()) {
    core_->SendAtOnce(from, *std::move(refusal));
    return;
  }
  const RegisterValue before = core_->acceptor.At(message.key).value;
  if (!core_->acceptor.Accept(message.key, message.ballot, message.value)) {
    Refused refusal = Refusal(message, Refused::Reason::kBallot);
    refusal.promised = core_->acceptor.At(message.key).promised;
    core_->SendAtOnce(from, refusal);
    return;
  }
  NoteNewValue(message.key, before, message.value,
               message.proof.has_value() ? &*message.proof : nullptr);
  core_->MustSave();
  core_->Send(from, Accepted{message.key, message.ballot});
}

bool Voter::OnChosen(const RegisterKey& key, const Ballot& ballot, const RegisterValue& value) {
  const RegisterValue before = core_->acceptor.At(key).value;
  if (!core_->acceptor.Learn(key, ballot, value)) return false;
  NoteNewValue(key, before, value, nullptr);
  core_->MustSave();
  return true;
}

uint64_t Voter::SlotMapVersion() const {
  // What was accepted may be chosen already, and another shard act by it.
  const auto* const accepted = std::get_if<std::shared_ptr<const SlotMap>>(
      &core_->acceptor.At(RegisterKey::OfSlotMap()).value);
  return std::max(core_->slot_map->version(), accepted == nullptr ? 0 : (*accepted)->version());
}

std::optional<Grant> Voter::OnRequest(const NodeId& from, const GrantRequest& request) {
  if (!core_->ActsAsVoter() || !DecidesOn(request.shard)) return std::nullopt;
  // Of before a TAKEOVER: others, who return, may have been elected above it.
  if (request.epoch.term <= core_->table.voters().floor) return std::nullopt;
  const auto* const value =
      std::get_if<ShardRegister>(&core_->acceptor.At(RegisterKey::OfShard(request.shard)).value);
  const bool is_accepted =
      value != nullptr && value->epoch == request.epoch && value->primary() == from;
  if (HasFault(ProtocolFault::kGrantAfterVote) && !is_accepted && value != nullptr) {
    return Grant{request.shard, request.epoch, core_->acts_under, SlotMapVersion(),
                 core_->config.lease()};
  }
  if (!is_accepted || !grants_.May(request.shard, request.epoch, core_->now)) return std::nullopt;
  const Millis lease = core_->config.lease();
  grants_.Give(request.shard, request.epoch, core_->now + core_->config.GrantLasts(lease));
  return Grant{request.shard, request.epoch, core_->acts_under, SlotMapVersion(), lease};
}

}  // namespace larder::cluster
