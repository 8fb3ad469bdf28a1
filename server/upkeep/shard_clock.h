#ifndef LARDER_SERVER_UPKEEP_SHARD_CLOCK_H_
#define LARDER_SERVER_UPKEEP_SHARD_CLOCK_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>

#include "absl/base/thread_annotations.h"
#include "server/handlers/time_source.h"
#include "storage/mutex.h"

namespace larder::server {

// Shard time of a node that leads: boot time (CLOCK_BOOTTIME, which also runs while the machine
// sleeps) plus an offset that follows the wall clock at no more than 1 %. It never steps back, and
// jumps only when the wall clock is more than an hour ahead, as on a machine that booted in 1970.
// One that follows has the time that it is told, which may be behind its own.
// Thread-safe; Now is lock-free. Sources return nanoseconds.
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

  // The primary's shard time is this now: it goes on from there, and follows the wall clock no
  // more.
  void Follow(storage::TimePoint now);
  // Leads again: goes on from where it is.
  void Lead();

  static constexpr std::chrono::hours kStepAhead{1};

 private:
  // Shard time = boot + offset, where the offset goes from `offset` at `since` to `target`.
  struct Course {
    int64_t since = 0;
    int64_t offset = 0;
    int64_t target = 0;
    int64_t OffsetAt(int64_t boot) const;
  };

  void Write(const Course& course) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Sources sources_;
  storage::Mutex mutex_;  // of who writes
  bool follows_ ABSL_GUARDED_BY(mutex_) = false;
  // A sequence lock over the course: odd while it is being written.
  std::atomic<uint64_t> sequence_{0};
  std::atomic<int64_t> since_{0};
  std::atomic<int64_t> offset_{0};
  std::atomic<int64_t> target_{0};
};

}  // namespace larder::server

#endif  // LARDER_SERVER_UPKEEP_SHARD_CLOCK_H_
