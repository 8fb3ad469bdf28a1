#include "cluster/node/able_replicas.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "cluster/registers/protocol_fault.h"

namespace larder::cluster {

std::optional<std::vector<NodeId>> AbleReplicas::Wanted(const ShardRegister& own) const {
  std::vector<NodeId> wanted = own.able;
  for (const DataStatus::Replica& replica : core_->data.replicas) {
    const Member* const member = core_->table.Find(replica.node);
    const bool is_of_shard =
        member != nullptr && !member->is_forgotten && member->shard == core_->shard();
    if (replica.has_caught_up && is_of_shard && !own.IsAble(replica.node)) {
      wanted.push_back(replica.node);
    }
  }
  if (HasFault(ProtocolFault::kFailedAreUnable)) {
    std::erase_if(wanted, [this](const NodeId& node) { return core_->table.IsFailed(node); });
  }
  std::erase_if(wanted, [this](const NodeId& node) { return IsForgotten(node); });
  if (wanted == own.able) return std::nullopt;
  std::sort(wanted.begin(), wanted.end());
  return wanted;
}

bool AbleReplicas::IsForgotten(const NodeId& node) const {
  const Member* const member = core_->table.Find(node);
  return member != nullptr && member->is_forgotten;
}

void AbleReplicas::Tick(bool may_act) {
  const ShardRegister* const own = core_->OwnRegister();
  if (own == nullptr || !may_act) return End();
  if (round_ != nullptr) {
    if (core_->table.voters().epoch != list_epoch_ || core_->now >= give_up_at_) return End();
    if (core_->now >= ask_again_at_) Ask();
    return;
  }
  if (core_->now < not_before_) return;
  auto wanted = Wanted(*own);
  if (!wanted.has_value()) return;
  wanted_ = *std::move(wanted);
  const VoterList list = core_->table.voters().Of(*core_->shard());
  list_epoch_ = list.epoch;
  give_up_at_ = core_->now + core_->config.node_timeout;
  const RegisterKey key = RegisterKey::OfShard(*core_->shard());
  round_ = std::make_unique<RegisterRound>(key, core_->NextBallot(key), list);
  Ask();
}

void AbleReplicas::Ask() {
  ask_again_at_ = core_->now + core_->config.ask_again();
  const bool is_preparing = round_->phase() == RegisterRound::Phase::kPreparing;
  for (const NodeId& voter : round_->Unanswered()) {
    if (is_preparing) {
      core_->Send(voter, Prepare{round_->key(), list_epoch_, round_->ballot(), std::nullopt});
    } else {
      core_->Send(voter, Accept{round_->key(), list_epoch_, round_->ballot(), round_->proposed(),
                                std::nullopt});
    }
  }
}

void AbleReplicas::OnPromise(const NodeId& from, const Promise& message) {
  if (round_ == nullptr || message.key != round_->key() || message.ballot != round_->ballot()) {
    return;
  }
  if (round_->phase() != RegisterRound::Phase::kPreparing) return;
  round_->OnPromise(from, {message.ballot, message.accepted, message.value});
  if (round_->phase() != RegisterRound::Phase::kPrepared) return;
  const auto* const underneath = std::get_if<ShardRegister>(&round_->Underneath().value);
  const ShardRegister* const own = core_->OwnRegister();
  // Somebody else stands, or has won: that is not for this node to write over.
  if (underneath == nullptr || own == nullptr || underneath->epoch != own->epoch) {
    not_before_ = core_->now + core_->config.node_timeout / 2;
    return End();
  }
  ShardRegister value = *underneath;
  ++value.version;
  // Nobody is taken out: one of these may be named by an attempt that was chosen unheard.
  if (HasFault(ProtocolFault::kFailedAreUnable)) value.able.clear();
  value.able.insert(value.able.end(), wanted_.begin(), wanted_.end());
  // But who was forgotten: the operator has said so, and nobody asks it any more.
  std::erase_if(value.able, [this](const NodeId& node) { return IsForgotten(node); });
  std::sort(value.able.begin(), value.able.end());
  value.able.erase(std::unique(value.able.begin(), value.able.end()), value.able.end());
  round_->Propose(std::move(value));
  Ask();
}

void AbleReplicas::OnAccepted(const NodeId& from, const Accepted& message) {
  if (round_ == nullptr || message.key != round_->key() || message.ballot != round_->ballot()) {
    return;
  }
  round_->OnAccepted(from);
  if (round_->phase() != RegisterRound::Phase::kChosen) return;
  const auto& value = std::get<ShardRegister>(round_->proposed());
  core_->table.Merge(round_->key().shard(), {value, round_->ballot()});
  core_->MustSave();
  std::string able;
  for (const NodeId& node : value.able) able += node.ToText().substr(0, 8) + " ";
  core_->Tell(ClusterEvent::Kind::kAbleChanged, core_->node, able);
  for (const NodeId& voter : core_->table.voters().voters) {
    if (voter != core_->node) {
      core_->Send(voter, Chosen{round_->key(), round_->ballot(), value});
    }
  }
  End();
}

void AbleReplicas::OnRefused(const NodeId& from, const Refused& message) {
  if (round_ == nullptr || message.key != round_->key() || message.ballot != round_->ballot()) {
    return;
  }
  core_->NoteBallot(round_->key(), message.promised);
  round_->OnRefused(from, message.promised);
  if (round_->phase() != RegisterRound::Phase::kLost) return;
  not_before_ = core_->now + core_->config.renewal_interval();
  End();
}

}  // namespace larder::cluster
