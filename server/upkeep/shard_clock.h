#ifndef LARDER_SERVER_UPKEEP_SHARD_CLOCK_H_
#define LARDER_SERVER_UPKEEP_SHARD_CLOCK_H_

#include <atomic>
#include <cstdint>
#include <functional>

#include "server/handlers/time_source.h"

namespace larder::server {

// Shard time of a node on its own: boot time (CLOCK_BOOTTIME, which also runs while the machine
// sleeps) plus an offset that follows the wall clock at no more than 1 %. So it neither steps back
// nor jumps when somebody sets the wall clock. Now is thread-safe and lock-free; Discipline belongs
// to one thread. Sources return nanoseconds.
class ShardClock final : public TimeSource {
 public:
  struct Sources {
    std::function<int64_t()> boot;  // never steps back
    std::function<int64_t()> wall;  // since the Unix epoch
  };

  ShardClock();  // the machine's clocks
  explicit ShardClock(Sources sources);

  storage::TimePoint Now() const override;

  // Aims at the wall clock as it is now. To be called every second or so.
  void Discipline();

 private:
  // Shard time = boot + offset, where the offset goes from `offset` at `since` to `target`.
  struct Course {
    int64_t since = 0;
    int64_t offset = 0;
    int64_t target = 0;
    int64_t OffsetAt(int64_t boot) const;
  };

  const Sources sources_;
  // A sequence lock over the course: odd while it is being written.
  std::atomic<uint64_t> sequence_{0};
  std::atomic<int64_t> since_{0};
  std::atomic<int64_t> offset_{0};
  std::atomic<int64_t> target_{0};
};

}  // namespace larder::server

#endif  // LARDER_SERVER_UPKEEP_SHARD_CLOCK_H_
