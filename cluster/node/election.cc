#include "cluster/node/election.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "cluster/registers/protocol_fault.h"

namespace larder::cluster {
namespace {

// A node without data is behind any that has some.
bool IsBehind(const std::optional<Position>& one, const std::optional<Position>& other) {
  return other.has_value() && (!one.has_value() || *one < *other);
}

}  // namespace

Election::Election(NodeCore* core)
    : core_(core),
      backoff_({.first = core->config.node_timeout / 10, .longest = core->config.node_timeout * 2},
               core->Random(UINT64_MAX)) {}

// ---- Whether and when.

std::optional<Election::Cause> Election::Reason() const {
  const ShardRegister* const own = core_->OwnRegister();
  if (own == nullptr) return std::nullopt;
  if (own->primary() != core_->node) {
    if (core_->self().no_failover || !core_->table.IsFailed(own->primary())) return std::nullopt;
    return Cause{ElectionKind::kFailed, RankDelay()};
  }
  // A process that was started again may not go on under the epoch of the one before.
  if (own->epoch != won_) return Cause{ElectionKind::kResumed, Millis(0)};
  if (HasFault(ProtocolFault::kFenceStays)) return std::nullopt;
  // What a TAKEOVER has set aside is to be below all that is done after it.
  if (own->epoch.term <= core_->table.voters().floor) {
    return Cause{ElectionKind::kResumed, Millis(0)};
  }
  const bool must_exceed = core_->data.exceed.has_value() && *core_->data.exceed > own->epoch;
  if (must_exceed) return Cause{ElectionKind::kResumed, Millis(0)};
  // The voters lend it nothing, so they have accepted another, whether or not that was chosen.
  if (core_->now - core_->acted_at > core_->config.node_timeout) {
    return Cause{ElectionKind::kResumed, Millis(0)};
  }
  // It has endorsed somebody, who has some time to win.
  if (core_->data.fence > own->epoch) {
    return Cause{ElectionKind::kResumed, core_->config.node_timeout};
  }
  return std::nullopt;
}

Millis Election::RankDelay() const {
  size_t rank = 0;
  for (const NodeId& node : core_->table.MembersOf(*core_->shard())) {
    if (node == core_->node || core_->table.IsFailed(node)) continue;
    if (core_->table.Find(node)->no_failover) continue;
    const auto at = siblings_.find(node);
    if (at == siblings_.end()) continue;
    const std::optional<Position>& theirs = at->second.position;
    const bool is_equal = theirs == core_->data.position;
    if (IsBehind(core_->data.position, theirs) || (is_equal && node < core_->node)) ++rank;
  }
  return core_->config.node_timeout / 5 * static_cast<int64_t>(rank);
}

void Election::NoteSibling(const NodeId& node, const DataSummary& data) {
  if (data.shard != core_->shard()) return;
  siblings_.insert_or_assign(node, data);
  highest_fence_ = std::max(highest_fence_, data.fence);
}

void Election::StandNow(ElectionKind kind, const Ballot& above) {
  if (core_->shard().has_value()) {
    core_->NoteBallot(RegisterKey::OfShard(*core_->shard()), above);
  }
  if (round_ == nullptr) Begin(kind);
}

void Election::Tick() {
  const ShardRegister* const own = core_->OwnRegister();
  std::erase_if(siblings_,
                [this](const auto& entry) { return !core_->table.IsMember(entry.first); });
  if (round_ != nullptr) {
    // Something was chosen meanwhile. By ballots: what a TAKEOVER has set aside may have come to
    // higher versions.
    const bool is_over =
        own == nullptr || core_->table.shards().at(shard_).ballot > underneath_ballot_;
    if (is_over && underneath_ballot_.is_set()) return End();
    if (core_->table.voters().epoch != list_epoch_) return GiveUp("other voters");
    if (core_->now >= give_up_at_) return GiveUp("answers are missing");
    if (core_->now >= ask_again_at_) Ask();
    return MaybePropose();
  }
  const std::optional<Cause> cause = Reason();
  if (!cause.has_value()) {
    stand_at_.reset();
    backoff_.Reset();
    return;
  }
  if (!stand_at_.has_value()) stand_at_ = core_->now + cause->wait;
  if (core_->now >= *stand_at_ && core_->now >= not_before_) Begin(cause->kind);
}

// ---- An attempt.

void Election::Begin(ElectionKind kind) {
  const std::optional<ShardId> shard = core_->shard();
  if (!shard.has_value() || core_->table.voters().epoch == 0) return;
  const VoterList list = core_->table.voters().Of(*shard);
  stand_at_.reset();
  kind_ = kind;
  shard_ = *shard;
  list_epoch_ = list.epoch;
  underneath_ = {};
  underneath_ballot_ = {};
  epoch_ = {};
  endorsed_.clear();
  give_up_at_ = core_->now + core_->config.node_timeout;
  const RegisterKey key = RegisterKey::OfShard(shard_);
  VoterList asked = list;
  if (HasFault(ProtocolFault::kGossipedMajority)) {
    std::erase_if(asked.voters, [this](const NodeId& node) { return core_->table.IsFailed(node); });
  }
  round_ = std::make_unique<RegisterRound>(key, core_->NextBallot(key), asked);
  core_->Tell(ClusterEvent::Kind::kElectionStarted, core_->node);
  Ask();
}

void Election::Ask() {
  ask_again_at_ = core_->now + core_->config.ask_again();
  switch (round_->phase()) {
    case RegisterRound::Phase::kPreparing:
      for (const NodeId& voter : round_->Unanswered()) {
        core_->Send(voter, Prepare{round_->key(), list_epoch_, round_->ballot(), kind_});
      }
      return;
    case RegisterRound::Phase::kPrepared:
      for (const NodeId& node : Asked()) {
        if (endorsed_.count(node) != 0) continue;
        core_->Send(node, Endorse{shard_, epoch_, kind_, core_->data.position});
      }
      return;
    case RegisterRound::Phase::kAccepting: {
      ElectionProof proof{kind_, underneath_, endorsed_.at(core_->node), {}};
      for (const auto& [node, position] : endorsed_) {
        if (node != core_->node) proof.endorsements.push_back({node, position});
      }
      for (const NodeId& voter : round_->Unanswered()) {
        core_->Send(
            voter, Accept{round_->key(), list_epoch_, round_->ballot(), round_->proposed(), proof});
      }
      return;
    }
    case RegisterRound::Phase::kChosen:
    case RegisterRound::Phase::kLost:
      return;
  }
}

void Election::OnPromise(const NodeId& from, const Promise& message) {
  if (round_ == nullptr || message.key != round_->key() || message.ballot != round_->ballot()) {
    return;
  }
  const bool was_preparing = round_->phase() == RegisterRound::Phase::kPreparing;
  round_->OnPromise(from, {message.ballot, message.accepted, message.value});
  if (was_preparing && round_->phase() == RegisterRound::Phase::kPrepared) OnPrepared();
}

void Election::OnPrepared() {
  const auto* const value = std::get_if<ShardRegister>(&round_->Underneath().value);
  if (value == nullptr) return GiveUp("the voters know of no such shard");
  underneath_ = *value;
  underneath_ballot_ = round_->Underneath().accepted;
  BeginEndorsing();
}

void Election::BeginEndorsing() {
  uint64_t term = std::max({underneath_.epoch.term, highest_fence_.term, core_->data.fence.term,
                            core_->table.voters().floor});
  if (core_->data.exceed.has_value()) term = std::max(term, core_->data.exceed->term);
  epoch_ = {term + 1, 0, core_->node};
  endorsed_.clear();
  endorse_until_ = core_->now + core_->config.ask_again() * 2;
  Ask();
}

std::set<NodeId> Election::Asked() const {
  std::set<NodeId> asked(underneath_.able.begin(), underneath_.able.end());
  for (const NodeId& node : core_->table.MembersOf(shard_)) asked.insert(node);
  asked.insert(underneath_.primary());
  asked.erase(core_->node);
  for (auto node = asked.begin(); node != asked.end();) {
    const bool is_passed_over =
        core_->IsGone(*node) || (kind_ == ElectionKind::kForced && *node == underneath_.primary());
    node = is_passed_over ? asked.erase(node) : std::next(node);
  }
  return asked;
}

bool Election::MustHave(const NodeId& node) const {
  // Of one who has no data, everybody must say that he has none either.
  return node == underneath_.primary() || underneath_.IsAble(node) ||
         (!endorsed_.at(core_->node).has_value() && !HasFault(ProtocolFault::kEmptyNodeStands));
}

void Election::OnEndorsed(const NodeId& from, const Endorsed& message) {
  if (round_ == nullptr || round_->phase() != RegisterRound::Phase::kPrepared ||
      message.epoch != epoch_ || message.shard != shard_) {
    return;
  }
  endorsed_.insert_or_assign(from, message.position);
  MaybePropose();
}

void Election::OnNotEndorsed(const NodeId& from, const NotEndorsed& message) {
  highest_fence_ = std::max(highest_fence_, message.fence);
  if (round_ == nullptr || round_->phase() != RegisterRound::Phase::kPrepared ||
      message.epoch != epoch_ || message.shard != shard_) {
    return;
  }
  switch (message.reason) {
    case NotEndorsed::Reason::kFenced:
      BeginEndorsing();
      return;
    case NotEndorsed::Reason::kAhead:
      LetStand(from);
      return GiveUp("another has more");
    case NotEndorsed::Reason::kLeads:
      return GiveUp("the primary lives");
    case NotEndorsed::Reason::kNotOfShard:
      return;
  }
}

void Election::LetStand(const NodeId& node) {
  // Where the primary does not go on itself, it agrees that another does.
  // So it does, too, where it is the primary by a vote of which it has not heard.
  const bool resumes = kind_ == ElectionKind::kResumed ||
                       (kind_ == ElectionKind::kFailed && underneath_.primary() == core_->node);
  core_->Send(node, Stand{shard_, resumes ? ElectionKind::kPlanned : kind_, round_->ballot()});
}

void Election::MaybePropose() {
  if (round_->phase() != RegisterRound::Phase::kPrepared) return;
  if (core_->data.fence != epoch_) {
    // Somebody else was endorsed meanwhile: no way back to this epoch.
    if (core_->data.fence > epoch_) GiveUp("another is endorsed");
    return;
  }
  endorsed_.insert_or_assign(core_->node, core_->data.position);
  if (HasFault(ProtocolFault::kEmptyNeverStands) && !core_->data.position.has_value()) return;
  for (const NodeId& node : Asked()) {
    if (endorsed_.count(node) != 0) continue;
    if ((MustHave(node) && !HasFault(ProtocolFault::kNoEndorsement)) || core_->now < endorse_until_)
      return;
  }
  for (const auto& [node, position] : endorsed_) {
    if (!IsBehind(core_->data.position, position)) continue;
    if (HasFault(ProtocolFault::kBehindStands)) continue;
    LetStand(node);
    return GiveUp("another has more");
  }
  ShardRegister value;
  value.version = underneath_.version + 1;
  value.epoch = epoch_;
  // The primary before has a say as well: it may be one still, if the value underneath was never
  // chosen.
  std::set<NodeId> able(underneath_.able.begin(), underneath_.able.end());
  if (!HasFault(ProtocolFault::kPrimaryPassedOver)) able.insert(underneath_.primary());
  able.erase(core_->node);
  value.able.assign(able.begin(), able.end());
  passed_over_.clear();
  for (const NodeId& node : able) {
    if (endorsed_.count(node) == 0 && Asked().count(node) == 0) passed_over_.insert(node);
  }
  round_->Propose(std::move(value));
  Ask();
}

void Election::OnAccepted(const NodeId& from, const Accepted& message) {
  if (round_ == nullptr || message.key != round_->key() || message.ballot != round_->ballot()) {
    return;
  }
  round_->OnAccepted(from);
  if (round_->phase() == RegisterRound::Phase::kChosen) OnWon();
}

void Election::OnWon() {
  const auto& value = std::get<ShardRegister>(round_->proposed());
  const Chosen chosen{round_->key(), round_->ballot(), value};
  std::set<NodeId> told = Asked();
  for (const NodeId& voter : core_->table.voters().voters) told.insert(voter);
  for (const NodeId& node : told) {
    if (node != core_->node) core_->Send(node, chosen);
  }
  won_ = epoch_;
  unheard_ = passed_over_;
  core_->acted_at = core_->now;
  core_->table.Merge(shard_, {value, round_->ballot()});
  core_->MustSave();
  std::string heard = value.epoch.ToText() + ", by";
  for (const auto& [node, position] : endorsed_) heard += " " + node.ToText().substr(0, 8);
  if (!unheard_.empty()) heard += ", not by";
  for (const NodeId& node : unheard_) heard += " " + node.ToText().substr(0, 8);
  core_->Tell(ClusterEvent::Kind::kPrimaryChanged, core_->node, heard);
  End();
}

void Election::OnRefused(const NodeId& from, const Refused& message) {
  if (round_ == nullptr || message.key != round_->key() || message.ballot != round_->ballot()) {
    return;
  }
  core_->NoteBallot(round_->key(), message.promised);
  round_->OnRefused(from, message.promised);
  if (message.reason == Refused::Reason::kBehind) LetStand(message.about);
  if (round_->phase() == RegisterRound::Phase::kLost) GiveUp("refused");
}

void Election::GiveUp(const char* why) {
  core_->Tell(ClusterEvent::Kind::kElectionLost, core_->node, why);
  not_before_ = core_->now + backoff_.Next();
  End();
}

void Election::End() {
  round_.reset();
  stand_at_.reset();
  epoch_ = {};
}

}  // namespace larder::cluster
