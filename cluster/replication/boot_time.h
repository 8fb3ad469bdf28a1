#ifndef LARDER_CLUSTER_REPLICATION_BOOT_TIME_H_
#define LARDER_CLUSTER_REPLICATION_BOOT_TIME_H_

#include <chrono>

namespace larder::cluster {

using Millis = std::chrono::milliseconds;

// The time since this machine was booted, pauses of the machine included. Two nodes' have nothing
// to do with each other.
struct BootClock {
  using duration = Millis;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock, duration>;
  static constexpr bool is_steady = true;
};
using BootTime = BootClock::time_point;

// Shard time: milliseconds since the Unix epoch by the clock of the shard's primary.
using ShardTime = std::chrono::sys_time<Millis>;

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_BOOT_TIME_H_
