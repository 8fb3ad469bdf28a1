#include "cluster/node/take_over.h"

#include <algorithm>
#include <variant>

#include "cluster/registers/protocol_fault.h"

namespace larder::cluster {
namespace {

// Terms and ballots of a side that was set aside do not come to so many.
constexpr uint64_t kFarAbove = 1 << 20;
// The upper half of a list's epoch counts TAKEOVERs. The lower begins by chance, so that two that
// did not know of each other differ: one of them sets the other aside, with its terms and ballots.
constexpr int kCountBits = 32;
constexpr uint64_t kChance = 1 << 20;

}  // namespace

std::vector<NodeId> TakeOver::Heard() const {
  std::vector<NodeId> primaries;
  std::vector<NodeId> others;
  for (const auto& [node, member] : core_->table.members()) {
    if (member.is_forgotten || !member.shard.has_value() || node == core_->node) continue;
    if (!core_->detector.IsWell(node, core_->now)) continue;
    const ShardRegister* const shard = core_->table.FindShard(*member.shard);
    const bool leads = shard != nullptr && shard->primary() == node;
    (leads ? primaries : others).push_back(node);
  }
  std::vector<NodeId> voters = {core_->node};
  voters.insert(voters.end(), primaries.begin(), primaries.end());
  voters.insert(voters.end(), others.begin(), others.end());
  size_t count = std::min(voters.size(), VoterList::kVotersMax);
  if (count % 2 == 0) --count;
  voters.resize(count);
  std::sort(voters.begin(), voters.end());
  return voters;
}

uint64_t TakeOver::FloorWith(uint64_t chance) const {
  if (HasFault(ProtocolFault::kTakeOverBelow)) return 0;
  uint64_t highest = std::max(core_->table.voters().floor, core_->data.fence.term);
  for (const auto& [shard, chosen] : core_->table.shards()) {
    highest = std::max({highest, chosen.value.epoch.term, chosen.ballot.number});
  }
  for (const auto& [key, state] : core_->acceptor.states()) {
    highest = std::max(highest, state.promised.number);
    const auto* const value = std::get_if<ShardRegister>(&state.value);
    if (value != nullptr) highest = std::max(highest, value->epoch.term);
  }
  return highest + kFarAbove * (1 + chance);
}

void TakeOver::Begin() {
  const VoterList& list = core_->table.voters();
  VoterList next;
  const uint64_t chance = core_->Random(kChance);
  next.epoch = (((list.epoch >> kCountBits) + 1) << kCountBits) | (chance << kSuccessorBits);
  next.voters = Heard();
  next.floor = FloorWith(chance);
  core_->table.Merge(next);
  core_->MustSave();
  core_->Tell(ClusterEvent::Kind::kVotersChanged, core_->node, "TAKEOVER");
  stands_until_ = core_->now + core_->config.node_timeout * 10;
  stand_at_ = core_->now;
}

void TakeOver::Tick() {
  if (!stands_until_.has_value()) return;
  if (core_->now >= *stands_until_ || core_->IsPrimary()) return stands_until_.reset();
  if (core_->now < stand_at_) return;
  stand_at_ = core_->now + core_->config.node_timeout / 5;
  election_->StandNow(ElectionKind::kForced, {});
}

}  // namespace larder::cluster
