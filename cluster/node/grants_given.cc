#include "cluster/node/grants_given.h"

#include <algorithm>

#include "cluster/registers/protocol_fault.h"

namespace larder::cluster {

bool GrantsGiven::May(ShardId shard, const Epoch& epoch, BootTime now) const {
  if (now < silent_until_) return false;
  if (HasFault(ProtocolFault::kNoWaitForGrants)) return true;
  const auto at = lent_.find(shard);
  if (at == lent_.end()) return true;
  const Lent& lent = at->second;
  return now >= lent.others_until && (epoch == lent.epoch || now >= lent.until);
}

void GrantsGiven::Give(ShardId shard, const Epoch& epoch, BootTime until) {
  Lent& lent = lent_[shard];
  if (lent.epoch != epoch) lent = {epoch, until, lent.others_until};
  lent.until = std::max(lent.until, until);
}

void GrantsGiven::OnAccepted(ShardId shard, const Epoch& before, const Epoch& after,
                             bool has_endorsed) {
  const auto at = lent_.find(shard);
  if (at == lent_.end() || at->second.epoch == after) return;
  Lent& lent = at->second;
  // One node is one process at a time: an earlier one is gone when the next one stands.
  const bool is_over = lent.epoch.node == after.node || (has_endorsed && lent.epoch == before);
  if (!is_over) lent.others_until = std::max(lent.others_until, lent.until);
  lent.epoch = after;
  lent.until = BootTime();
}

void GrantsGiven::OnAdopted(ShardId shard, const Epoch& epoch, BootTime until,
                            BootTime others_until) {
  Lent& lent = lent_[shard];
  if (lent.epoch != epoch) {
    if (lent.epoch.node != epoch.node) {
      lent.others_until = std::max(lent.others_until, lent.until);
    }
    lent.epoch = epoch;
    lent.until = BootTime();
  }
  lent.until = std::max(lent.until, until);
  lent.others_until = std::max(lent.others_until, others_until);
}

std::optional<VoterState::Lent> GrantsGiven::RestOf(ShardId shard, BootTime now) const {
  const auto at = lent_.find(shard);
  const BootTime silent = silent_until_;
  if (at == lent_.end() && now >= silent) return std::nullopt;
  const Lent lent = at == lent_.end() ? Lent() : at->second;
  VoterState::Lent rest;
  rest.shard = shard;
  rest.epoch = lent.epoch;
  rest.rest = std::max(lent.until - now, Millis(0));
  // What an earlier process of this voter has lent, to whomever.
  rest.others_rest = std::max(std::max(lent.others_until, silent) - now, Millis(0));
  if (rest.rest == Millis(0) && rest.others_rest == Millis(0)) return std::nullopt;
  return rest;
}

}  // namespace larder::cluster
