#include "server/upkeep/shard_clock.h"

#include <time.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace larder::server {
namespace {

constexpr int64_t kSlewDivisor = 100;  // 1 %

int64_t Nanoseconds(clockid_t clock) {
  timespec time;
  ::clock_gettime(clock, &time);
  return int64_t{time.tv_sec} * 1000000000 + time.tv_nsec;
}

}  // namespace

int64_t ShardClock::Course::OffsetAt(int64_t boot) const {
  const int64_t slew = std::max<int64_t>(boot - since, 0) / kSlewDivisor;
  return target > offset ? std::min(offset + slew, target) : std::max(offset - slew, target);
}

ShardClock::ShardClock()
    : ShardClock(Sources{[] { return Nanoseconds(CLOCK_BOOTTIME); },
                         [] { return Nanoseconds(CLOCK_REALTIME); }}) {}

ShardClock::ShardClock(Sources sources) : sources_(std::move(sources)) {
  const int64_t boot = sources_.boot();
  since_.store(boot, std::memory_order_relaxed);
  offset_.store(sources_.wall() - boot, std::memory_order_relaxed);
  target_.store(offset_.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

storage::TimePoint ShardClock::Now() const {
  while (true) {
    const uint64_t before = sequence_.load(std::memory_order_acquire);
    const Course course{.since = since_.load(std::memory_order_acquire),
                        .offset = offset_.load(std::memory_order_acquire),
                        .target = target_.load(std::memory_order_acquire)};
    // Read before the second look at the sequence, so that no course is followed past its end.
    const int64_t boot = sources_.boot();
    if (before % 2 == 0 && sequence_.load(std::memory_order_acquire) == before) {
      const std::chrono::nanoseconds time(boot + course.OffsetAt(boot));
      return storage::TimePoint(std::chrono::floor<storage::Millis>(time));
    }
    std::this_thread::yield();
  }
}

void ShardClock::Discipline() {
  const storage::MutexLock lock(mutex_);
  if (follows_) return;
  const Course old{.since = since_.load(std::memory_order_relaxed),
                   .offset = offset_.load(std::memory_order_relaxed),
                   .target = target_.load(std::memory_order_relaxed)};
  const int64_t boot = sources_.boot();
  const int64_t offset = old.OffsetAt(boot);
  const int64_t target = sources_.wall() - boot;
  const bool steps = target - offset > std::chrono::nanoseconds(kStepAhead).count();
  Write({.since = boot, .offset = steps ? target : offset, .target = target});
}

void ShardClock::Follow(storage::TimePoint now) {
  const storage::MutexLock lock(mutex_);
  follows_ = true;
  const int64_t boot = sources_.boot();
  const int64_t offset = std::chrono::nanoseconds(now.time_since_epoch()).count() - boot;
  Write({.since = boot, .offset = offset, .target = offset});
}

void ShardClock::Lead() {
  const storage::MutexLock lock(mutex_);
  follows_ = false;
}

void ShardClock::Write(const Course& course) {
  const uint64_t sequence = sequence_.load(std::memory_order_relaxed);
  sequence_.store(sequence + 1, std::memory_order_seq_cst);
  since_.store(course.since, std::memory_order_release);
  offset_.store(course.offset, std::memory_order_release);
  target_.store(course.target, std::memory_order_release);
  sequence_.store(sequence + 2, std::memory_order_release);
}

}  // namespace larder::server
