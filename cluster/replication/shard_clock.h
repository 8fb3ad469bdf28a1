#ifndef LARDER_CLUSTER_REPLICATION_SHARD_CLOCK_H_
#define LARDER_CLUSTER_REPLICATION_SHARD_CLOCK_H_

#include <optional>

#include "cluster/replication/boot_time.h"

namespace larder::cluster {

// Shard time at a replica (ordering.md rule 17): what the last heartbeat said, continued by the
// node's own boot time; also when the node leads later. Never goes back.
class ShardClock {
 public:
  void Learn(ShardTime shard_time, BootTime now);
  // Absent: nothing was learned.
  std::optional<ShardTime> At(BootTime now);

 private:
  std::optional<Millis> offset_;  // of shard time from boot time
  ShardTime told_{ShardTime::min()};
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_SHARD_CLOCK_H_
