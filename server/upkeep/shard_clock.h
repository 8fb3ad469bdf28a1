#ifndef LARDER_SERVER_UPKEEP_SHARD_CLOCK_H_
#define LARDER_SERVER_UPKEEP_SHARD_CLOCK_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>

#include "server/handlers/time_source.h"

namespace larder::server {

// Shard time of a node on its own: boot time (CLOCK_BOOTTIME, which also runs while the machine
// sleeps) plus an offset that follows the wall clock at no more than 1 %. It never steps back, and
// jumps only when the wall clock is more than an hour ahead, as on a machine that booted in 1970.
// Now is thread-safe and lock-free; Discipline belongs to one thread. Sources return nanoseconds.
class ShardClock final : public TimeSource {
 public:
  struct Sources {
    std::function<int64_t()> boot;  // never steps back
    std::function<int64_t()> wall;  // since the Unix epoch
  };

  ShardClock();  // the machine's clocks
  explicit ShardClock(Sources sources);

  storage::TimePoint Now() const override;

  // Aims at the wall clock as it is now; steps forward to it if it is more than kStepAhead ahead.
  // To a ttl that is running a step is time that has passed: what would have ended in between ends
  // now. To be called every second or so.
  void Discipline();

  static constexpr std::chrono::hours kStepAhead{1};

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
