#include "cluster/node/founding_round.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>
#include <vector>

namespace larder::cluster {
namespace {

const RegisterKey kKey = RegisterKey::OfFounding();
constexpr size_t kVotersMin = 3;

}  // namespace

size_t FoundingRound::WantedNodes() const {
  return size_t{core_->config.shards} * (1 + size_t{core_->config.replicas});
}

size_t FoundingRound::Majority() const {
  // Where more nodes are there than were wanted, no two groups of them may decide.
  return std::max(WantedNodes(), seekers_.size()) / 2 + 1;
}

const Founding* FoundingRound::Known() const {
  const auto* const value =
      std::get_if<std::shared_ptr<const Founding>>(&core_->acceptor.At(kKey).value);
  return value == nullptr ? nullptr : value->get();
}

void FoundingRound::NoteSeeker(const Member& member) {
  const auto [at, is_new] = seekers_.try_emplace(member.node, Seeker{member, core_->now});
  if (member.Supersedes(at->second.member)) at->second.member = member;
  at->second.heard = core_->now;
  // Its messages are to find the way back.
  core_->table.Merge(member);
}

std::shared_ptr<const Founding> FoundingRound::Propose() const {
  auto founding = std::make_shared<Founding>();
  founding->cluster = {core_->RandomWord(), core_->RandomWord()};
  founding->shards = core_->config.shards;
  for (const auto& [node, seeker] : seekers_) {
    if (founding->founders.size() == WantedNodes()) break;
    const Member& member = seeker.member;
    founding->founders.push_back({node, member.endpoint, member.bus_endpoint, member.zone});
  }
  return founding;
}

void FoundingRound::Tick() {
  seekers_.insert_or_assign(core_->node, Seeker{core_->self(), core_->now});
  // Who is gone has no say in how many there are.
  std::erase_if(seekers_, [this](const auto& entry) {
    return core_->now - entry.second.heard > core_->config.node_timeout * 2;
  });
  if (round_ != nullptr) {
    if (core_->now >= give_up_at_) {
      round_.reset();
    } else if (core_->now >= ask_again_at_) {
      Ask();
    }
    return;
  }
  // One a shard; and where three are wanted no two begin, who could not fail over.
  const size_t least =
      std::max({Majority(), size_t{core_->config.shards}, std::min(WantedNodes(), kVotersMin)});
  if (seekers_.size() < least) {
    enough_since_.reset();
    return;
  }
  if (!enough_since_.has_value()) enough_since_ = core_->now;
  // Those who are late have a moment, if not all are there; and one after the other tries.
  const auto rank = std::distance(seekers_.begin(), seekers_.find(core_->node));
  Millis wait = core_->config.ping_interval() + core_->config.node_timeout / 2 * rank;
  if (seekers_.size() < WantedNodes()) wait += core_->config.node_timeout * 2;
  if (core_->now - *enough_since_ < wait || core_->now < not_before_) return;
  VoterList all;
  for (const auto& [node, seeker] : seekers_) all.voters.push_back(node);
  round_ = std::make_unique<RegisterRound>(kKey, core_->NextBallot(kKey), all, Majority());
  give_up_at_ = core_->now + core_->config.node_timeout;
  not_before_ = core_->now + core_->config.node_timeout * 2 +
                Millis(core_->Random(static_cast<uint64_t>(core_->config.node_timeout.count())));
  Ask();
}

void FoundingRound::Ask() {
  ask_again_at_ = core_->now + core_->config.ask_again();
  const bool is_preparing = round_->phase() == RegisterRound::Phase::kPreparing;
  for (const NodeId& node : round_->Unanswered()) {
    if (is_preparing) {
      core_->Send(node, Prepare{kKey, 0, round_->ballot(), std::nullopt});
    } else {
      core_->Send(node, Accept{kKey, 0, round_->ballot(), round_->proposed(), std::nullopt});
    }
  }
}

void FoundingRound::OnPrepare(const NodeId& from, const Prepare& message) {
  if (!core_->acceptor.Prepare(kKey, message.ballot)) {
    core_->SendAtOnce(
        from,
        Refused{
            kKey, message.ballot, Refused::Reason::kBallot, core_->acceptor.At(kKey).promised, {}});
    return;
  }
  core_->MustSave();
  const RegisterState& state = core_->acceptor.At(kKey);
  core_->Send(from, Promise{kKey, message.ballot, state.accepted, state.value});
}

void FoundingRound::OnPromise(const NodeId& from, const Promise& message) {
  if (round_ == nullptr || message.ballot != round_->ballot()) return;
  if (round_->phase() != RegisterRound::Phase::kPreparing) return;
  round_->OnPromise(from, {message.ballot, message.accepted, message.value});
  if (round_->phase() != RegisterRound::Phase::kPrepared) return;
  // There is one founding: what may have been decided is proposed again, as it is.
  const auto* const underneath =
      std::get_if<std::shared_ptr<const Founding>>(&round_->Underneath().value);
  const std::shared_ptr<const Founding> founding = underneath != nullptr ? *underneath : Propose();
  // Somebody may have gone since it began.
  if (!founding->IsWhole()) {
    round_.reset();
    return;
  }
  round_->Propose(founding);
  Ask();
}

void FoundingRound::OnAccept(const NodeId& from, const Accept& message) {
  const auto* const value = std::get_if<std::shared_ptr<const Founding>>(&message.value);
  if (value == nullptr || *value == nullptr || !(*value)->IsWhole()) return;
  if (!core_->acceptor.Accept(kKey, message.ballot, message.value)) {
    core_->SendAtOnce(
        from,
        Refused{
            kKey, message.ballot, Refused::Reason::kBallot, core_->acceptor.At(kKey).promised, {}});
    return;
  }
  core_->MustSave();
  core_->Send(from, Accepted{kKey, message.ballot});
}

void FoundingRound::OnAccepted(const NodeId& from, const Accepted& message) {
  if (round_ == nullptr || message.ballot != round_->ballot()) return;
  round_->OnAccepted(from);
  if (round_->phase() != RegisterRound::Phase::kChosen) return;
  const auto founding = std::get<std::shared_ptr<const Founding>>(round_->proposed());
  const Ballot ballot = round_->ballot();
  round_.reset();
  Adopt(*founding, ballot);
  for (const auto& [node, seeker] : seekers_) {
    if (node != core_->node) core_->Send(node, Chosen{kKey, ballot, founding});
  }
}

void FoundingRound::OnRefused(const NodeId& from, const Refused& message) {
  if (round_ == nullptr || message.ballot != round_->ballot()) return;
  core_->NoteBallot(round_->key(), message.promised);
  round_->OnRefused(from, message.promised);
  if (round_->phase() == RegisterRound::Phase::kLost) round_.reset();
}

void FoundingRound::Adopt(const Founding& founding, const Ballot& ballot) {
  if (core_->cluster.is_set() || !founding.IsWhole()) return;
  round_.reset();
  core_->acceptor.Learn(kKey, ballot, std::make_shared<const Founding>(founding));
  core_->cluster = founding.cluster;
  const VoterList voters = founding.FirstVoters();
  for (size_t place = 0; place < founding.founders.size(); ++place) {
    const Founding::Founder& founder = founding.founders[place];
    if (founder.node == core_->node) {
      Member self = core_->self();
      self.shard = founding.ShardAt(place);
      core_->ChangeSelf(std::move(self));
      continue;
    }
    // What it has said itself since then is newer.
    const Member* const known = core_->table.Find(founder.node);
    Member member = known != nullptr ? *known : Member();
    if (known == nullptr) {
      member.node = founder.node;
      member.endpoint = founder.endpoint;
      member.bus_endpoint = founder.bus_endpoint;
      member.zone = founder.zone;
    }
    member.shard = founding.ShardAt(place);
    core_->table.Merge(member);
  }
  for (uint32_t i = 0; i < founding.shards; ++i) {
    const ShardRegister value = founding.FirstRegister(ShardId(i));
    const Ballot first = Ballot().Next(value.primary(), 0);
    core_->table.Merge(ShardId(i), {value, first});
    if (voters.Has(core_->node)) {
      core_->acceptor.Learn(RegisterKey::OfShard(ShardId(i)), first, value);
    }
  }
  core_->table.Merge(voters);
  if (voters.Has(core_->node)) core_->acts_under = voters.epoch;
  core_->slot_map = std::make_shared<const SlotMap>(founding.FirstSlotMap());
  core_->MustSave();
  core_->Tell(ClusterEvent::Kind::kFounded, core_->node);
}

}  // namespace larder::cluster
