#include "cluster/node/list_succession.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "cluster/registers/protocol_fault.h"

namespace larder::cluster {
namespace {

// Fewer shards than this, and all nodes that hold data take part.
constexpr size_t kPrimariesMin = 3;
// Fewer nodes than this, and no majority is worth asking.
constexpr size_t kMajorityFrom = 3;

size_t CountDataNodes(const ClusterTable& table) {
  size_t count = 0;
  for (const auto& [node, member] : table.members()) {
    if (!member.is_forgotten && member.shard.has_value()) ++count;
  }
  return count;
}

VoterList WantedForGood(const ClusterTable& table) {
  VoterList list;
  for (const auto& [shard, chosen] : table.shards()) {
    const NodeId& primary = chosen.value.primary();
    // Who is gone decides on nothing: it waits for its return, or for an operator.
    if (table.IsFailed(primary)) return {};
    list.voters.push_back(primary);
    list.permanent.push_back({shard, primary});
  }
  std::sort(list.voters.begin(), list.voters.end());
  return list;
}

}  // namespace

VoterList ListSuccession::Wanted(const ClusterTable& table) {
  if (CountDataNodes(table) < kMajorityFrom) return WantedForGood(table);
  std::vector<NodeId> primaries;
  for (const auto& [shard, chosen] : table.shards()) {
    if (!table.IsFailed(chosen.value.primary())) primaries.push_back(chosen.value.primary());
  }
  std::vector<NodeId> others;
  const std::set<NodeId> are_primaries(primaries.begin(), primaries.end());
  for (const auto& [node, member] : table.members()) {
    if (are_primaries.count(node) == 0 && member.shard.has_value() && !table.IsFailed(node))
      others.push_back(node);
  }
  // Who is a voter stays one.
  const VoterList& list = table.voters();
  const auto voters_first = [&list](const std::vector<NodeId>& nodes) {
    std::vector<NodeId> ordered;
    for (const bool are_voters : {true, false}) {
      for (const NodeId& node : nodes) {
        if (list.Has(node) == are_voters) ordered.push_back(node);
      }
    }
    return ordered;
  };
  primaries = voters_first(primaries);
  others = voters_first(others);
  std::vector<NodeId> wanted = primaries;
  if (table.shards().size() < kPrimariesMin || wanted.size() < kPrimariesMin) {
    wanted.insert(wanted.end(), others.begin(), others.end());
  }
  size_t count = std::min(wanted.size(), VoterList::kVotersMax);
  if (count % 2 == 0 && count > 0) --count;
  wanted.resize(count);
  std::sort(wanted.begin(), wanted.end());
  VoterList result;
  result.voters = std::move(wanted);
  return result;
}

bool ListSuccession::IsSealed() const {
  const VoterList& list = core_->table.voters();
  return core_->acceptor.At(RegisterKey::OfSuccessor(list.epoch)).accepted.is_set();
}

std::optional<VoterList> ListSuccession::Next() const {
  const VoterList& list = core_->table.voters();
  const VoterList wanted_list = Wanted(core_->table);
  const std::vector<NodeId>& wanted = wanted_list.voters;
  VoterList next = list;
  next.epoch = list.epoch + 1;
  next.before = list.voters;
  if (wanted.empty()) return std::nullopt;
  if (!wanted_list.permanent.empty()) {
    if (list.permanent == wanted_list.permanent && list.voters == wanted) return std::nullopt;
    next.voters = wanted;
    next.permanent = wanted_list.permanent;
    return next;
  }
  if (wanted.size() < kPrimariesMin) return std::nullopt;
  if (!list.permanent.empty()) {
    next.voters = wanted;
    next.permanent.clear();
    return next;
  }
  std::optional<NodeId> missing;
  for (const NodeId& node : wanted) {
    if (!list.Has(node)) missing = node;
  }
  std::optional<NodeId> surplus;
  for (const NodeId& node : list.voters) {
    if (std::binary_search(wanted.begin(), wanted.end(), node)) continue;
    // Of several the dead ones go first.
    if (!surplus.has_value() || core_->table.IsFailed(node)) surplus = node;
  }
  const bool has_room = list.voters.size() <= wanted.size();
  if (missing.has_value() && has_room) {
    next.voters.insert(std::lower_bound(next.voters.begin(), next.voters.end(), *missing),
                       *missing);
    return next;
  }
  if (!surplus.has_value()) return std::nullopt;
  next.voters.erase(std::find(next.voters.begin(), next.voters.end(), *surplus));
  return next;
}

size_t ListSuccession::Rank() const {
  size_t rank = 0;
  for (const NodeId& node : core_->table.voters().voters) {
    if (node == core_->node) break;
    if (!core_->table.IsFailed(node)) ++rank;
  }
  return rank;
}

void ListSuccession::Tick() {
  const VoterList& list = core_->table.voters();
  if (round_ != nullptr) {
    const bool is_over = round_->key().number != list.epoch || core_->now >= give_up_at_;
    if (is_over) {
      GiveUp();
    } else if (core_->now >= ask_again_at_) {
      Ask();
    }
    return;
  }
  if (HasFault(ProtocolFault::kDeadVotersStay)) return;
  if (!list.Has(core_->node) || core_->acts_under != list.epoch) return;
  if (looked_at_ == core_->table.changes() && !propose_at_.has_value() && !IsSealed()) return;
  looked_at_ = core_->table.changes();
  // Who has accepted one acts no more until it is decided, so it sees to that.
  const std::optional<VoterList> next = IsSealed() ? VoterList() : Next();
  if (!next.has_value()) {
    propose_at_.reset();
    return;
  }
  if (!propose_at_.has_value()) {
    // An election under way is to end before the voters change. Under permanent authority it has
    // ended, and the new primary has to be free of the one before.
    const Millis wait = list.permanent.empty() ? core_->config.node_timeout : Millis(0);
    propose_at_ = core_->now + wait + core_->config.node_timeout / 4 * static_cast<int64_t>(Rank());
  }
  if (core_->now < *propose_at_) return;
  propose_at_.reset();
  next_ = *next;
  const RegisterKey key = RegisterKey::OfSuccessor(list.epoch);
  round_ = std::make_unique<RegisterRound>(key, core_->NextBallot(key), list);
  give_up_at_ = core_->now + core_->config.node_timeout;
  Ask();
}

void ListSuccession::GiveUp() {
  round_.reset();
  looked_at_ = 0;  // it is to be looked at again, though nothing has changed
}

void ListSuccession::Ask() {
  ask_again_at_ = core_->now + core_->config.ask_again();
  const bool is_preparing = round_->phase() == RegisterRound::Phase::kPreparing;
  for (const NodeId& voter : round_->Unanswered()) {
    if (is_preparing) {
      core_->Send(voter,
                  Prepare{round_->key(), round_->key().number, round_->ballot(), std::nullopt});
    } else {
      core_->Send(voter, Accept{round_->key(), round_->key().number, round_->ballot(),
                                round_->proposed(), std::nullopt});
    }
  }
}

void ListSuccession::OnPromise(const NodeId& from, const Promise& message) {
  if (round_ == nullptr || message.key != round_->key() || message.ballot != round_->ballot()) {
    return;
  }
  if (round_->phase() != RegisterRound::Phase::kPreparing) return;
  round_->OnPromise(from, {message.ballot, message.accepted, message.value});
  if (round_->phase() != RegisterRound::Phase::kPrepared) return;
  // A list has one successor: what may have been chosen is proposed again, as it is.
  if (const auto* underneath = std::get_if<VoterList>(&round_->Underneath().value)) {
    next_ = *underneath;
  }
  if (next_.epoch == 0) return GiveUp();
  round_->Propose(next_);
  Ask();
}

void ListSuccession::OnAccepted(const NodeId& from, const Accepted& message) {
  if (round_ == nullptr || message.key != round_->key() || message.ballot != round_->ballot()) {
    return;
  }
  round_->OnAccepted(from);
  if (round_->phase() != RegisterRound::Phase::kChosen) return;
  const auto list = std::get<VoterList>(round_->proposed());
  std::set<NodeId> told(list.voters.begin(), list.voters.end());
  told.insert(list.before.begin(), list.before.end());
  for (const NodeId& node : told) {
    if (node != core_->node) core_->Send(node, Chosen{round_->key(), round_->ballot(), list});
  }
  core_->table.Merge(list);
  core_->MustSave();
  core_->Tell(ClusterEvent::Kind::kVotersChanged, core_->node);
  round_.reset();
}

void ListSuccession::OnRefused(const NodeId& from, const Refused& message) {
  if (round_ == nullptr || message.key != round_->key() || message.ballot != round_->ballot()) {
    return;
  }
  core_->NoteBallot(round_->key(), message.promised);
  round_->OnRefused(from, message.promised);
  if (round_->phase() == RegisterRound::Phase::kLost) GiveUp();
}

}  // namespace larder::cluster
