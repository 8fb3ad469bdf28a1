#include "cluster/node/grants_given.h"

#include <algorithm>

namespace larder::cluster {

bool GrantsGiven::May(ShardId shard, const Epoch& epoch, BootTime now) const {
  if (now < silent_until_) return false;
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

BootTime GrantsGiven::OthersUntil(ShardId shard) const {
  const auto at = lent_.find(shard);
  return at == lent_.end() ? BootTime() : at->second.others_until;
}

}  // namespace larder::cluster
