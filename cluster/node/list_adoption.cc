#include "cluster/node/list_adoption.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "cluster/registers/protocol_fault.h"

namespace larder::cluster {
namespace {

// Of a register in a message, with what was lent, and without its value.
constexpr size_t kStateBytes = 130;

// What succeeded an earlier list.
bool IsOver(const RegisterKey& key, const VoterList& list) {
  return key.kind == RegisterKey::Kind::kSuccessor && key.number < list.epoch;
}

const Epoch* EpochOf(const RegisterState& state) {
  const auto* const value = std::get_if<ShardRegister>(&state.value);
  return value == nullptr ? nullptr : &value->epoch;
}

}  // namespace

bool ListAdoption::IsDue() const {
  const VoterList& list = core_->table.voters();
  return list.epoch > core_->acts_under && list.Has(core_->node);
}

void ListAdoption::Begin() {
  const VoterList& list = core_->table.voters();
  list_epoch_ = list.epoch;
  sources_.clear();
  for (const auto* nodes : {&list.before, &list.voters}) {
    for (const NodeId& node : *nodes) sources_.try_emplace(node);
  }
  ask_again_at_ = core_->now;
}

void ListAdoption::Tick() {
  if (!IsDue()) return;
  if (list_epoch_ != core_->table.voters().epoch) Begin();
  if (core_->now < ask_again_at_) return;
  MaybeAdopt();
  if (!IsDue()) return;
  ask_again_at_ = core_->now + core_->config.ask_again();
  for (const auto& [node, source] : sources_) {
    // Those as well who are FAIL or forgotten: they may be the ones who have it.
    if (!source.is_whole) Ask(node);
  }
}

void ListAdoption::Ask(const NodeId& node) {
  core_->Send(node, VoterStateRequest{list_epoch_, sources_.at(node).after});
}

void ListAdoption::OnRequest(const NodeId& from, const VoterStateRequest& message) {
  const VoterList& list = core_->table.voters();
  // Whoever knows the list, durably, acts under none before it any more.
  if (message.list_epoch != list.epoch) return;
  const bool was_voter = std::binary_search(list.before.begin(), list.before.end(), core_->node);
  VoterState answer;
  answer.list_epoch = list.epoch;
  answer.is_acting = core_->acts_under == list.epoch && list.Has(core_->node);
  // One that was away for several lists does not know what the last one held.
  if (!answer.is_acting && !(was_voter && core_->acts_under + 1 == list.epoch)) return;
  answer.after = message.after;
  const RegisterAcceptor::States& states = core_->acceptor.states();
  auto at = message.after.has_value() ? states.upper_bound(*message.after) : states.begin();
  size_t bytes = 0;
  for (; at != states.end(); ++at) {
    if (at->first.kind == RegisterKey::Kind::kFounding || IsOver(at->first, list)) continue;
    bytes += kStateBytes + EncodedBytes(at->second.value);
    if (bytes > core_->config.message_bytes_max && !answer.registers.empty()) {
      answer.has_more = true;
      break;
    }
    answer.registers.emplace_back(at->first, at->second);
    if (at->first.kind != RegisterKey::Kind::kShard) continue;
    const auto lent = grants_->RestOf(at->first.shard(), core_->now);
    if (lent.has_value()) answer.lent.push_back(*lent);
  }
  core_->Send(from, std::move(answer));
}

void ListAdoption::OnState(const NodeId& from, const VoterState& message) {
  if (!IsDue() || message.list_epoch != list_epoch_) return;
  const auto found = sources_.find(from);
  if (found == sources_.end() || found->second.is_whole || message.after != found->second.after) {
    return;
  }
  Source& source = found->second;
  source.is_acting = message.is_acting;
  source.came = core_->now;
  source.registers.insert(source.registers.end(), message.registers.begin(),
                          message.registers.end());
  source.lent.insert(source.lent.end(), message.lent.begin(), message.lent.end());
  if (!message.registers.empty()) source.after = message.registers.back().first;
  source.is_whole = !message.has_more;
  if (!source.is_whole) return Ask(from);
  MaybeAdopt();
}

void ListAdoption::MaybeAdopt() {
  const VoterList& list = core_->table.voters();
  const VoterList before = list.Before();
  size_t of_before = 0;
  size_t acting = 0;
  for (const auto& [node, source] : sources_) {
    if (!source.is_whole) continue;
    // Whoever acts under the new list has what it needed of the one before.
    if (source.is_acting) ++acting;
    if (before.Has(node)) ++of_before;
  }
  // Of the first list, and of a TAKEOVER's, there is nobody to take over from: who has voted
  // before keeps what it has accepted.
  const bool is_first = list.before.empty();
  if (of_before < before.Majority() && acting < list.Majority() && !is_first) return;
  const ClusterConfig& config = core_->config;
  std::map<ShardId, BootTime> others_until;
  for (const auto& [node, source] : sources_) {
    if (!source.is_whole) continue;
    if (HasFault(ProtocolFault::kListForgetsBallots)) break;
    for (const auto& [key, state] : source.registers) core_->acceptor.Merge(key, state);
  }
  for (const auto& [node, source] : sources_) {
    if (!source.is_whole) continue;
    for (const VoterState::Lent& lent : source.lent) {
      const Epoch* const epoch = EpochOf(core_->acceptor.At(RegisterKey::OfShard(lent.shard)));
      const bool is_same = epoch != nullptr && epoch->node == lent.epoch.node;
      const Millis rest = is_same ? lent.others_rest : std::max(lent.rest, lent.others_rest);
      BootTime& until = others_until[lent.shard];
      until = std::max(until, source.came + config.GrantLasts(rest));
    }
  }
  // What voters that were not asked have lent to the present primaries was lent before they, or
  // others of a majority, stopped: it runs out within a lease from now.
  const BootTime until = core_->now + config.GrantLasts(config.lease());
  for (const auto& [key, state] : core_->acceptor.states()) {
    const Epoch* const epoch = EpochOf(state);
    if (key.kind != RegisterKey::Kind::kShard || epoch == nullptr) continue;
    if (HasFault(ProtocolFault::kListForgetsGrants)) continue;
    // Before a TAKEOVER anybody may have been lent it by those who were not asked.
    BootTime& others = others_until[key.shard()];
    if (is_first && list.floor != 0) others = std::max(others, until);
    grants_->OnAdopted(key.shard(), *epoch, until, others);
  }
  // The lists before are over, and with them the question what succeeds them.
  const RegisterAcceptor::States& states = core_->acceptor.states();
  std::vector<RegisterKey> over;
  for (const auto& [key, state] : states) {
    if (IsOver(key, list)) over.push_back(key);
  }
  for (const RegisterKey& key : over) core_->acceptor.Forget(key);
  core_->acts_under = list.epoch;
  core_->MustSave();
  core_->Tell(ClusterEvent::Kind::kVotersChanged, core_->node);
  sources_.clear();
}

}  // namespace larder::cluster
