#include "cluster/replication/shard_clock.h"

#include <algorithm>

namespace larder::cluster {

void ShardClock::Learn(ShardTime shard_time, BootTime now) {
  offset_ = shard_time.time_since_epoch() - now.time_since_epoch();
}

std::optional<ShardTime> ShardClock::At(BootTime now) {
  if (!offset_.has_value()) return std::nullopt;
  told_ = std::max(told_, ShardTime(now.time_since_epoch() + *offset_));
  return told_;
}

}  // namespace larder::cluster
