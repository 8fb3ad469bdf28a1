#ifndef LARDER_STORAGE_HYBRID_CLOCK_H_
#define LARDER_STORAGE_HYBRID_CLOCK_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "storage/time.h"

namespace larder::storage {

// Hybrid logical clock that issues versions: unique, rising, close to shard time, never 0.
// Layout, high to low: 42 bits milliseconds since the Unix epoch, 12 bits counter, 10 bits node.
// A burst of more than 4096 versions in a millisecond borrows from the milliseconds to come. Shard
// time counts up to a day before the 42 bits end (2109), so that no version ever wraps around.
// Thread-safe. Source: Kulkarni et al., "Logical Physical Clocks", OPODIS 2014.
class HybridClock {
 public:
  static constexpr int kNodeBits = 10;
  static constexpr int kCounterBits = 12;
  static constexpr uint32_t kNodes = 1u << kNodeBits;

  // REQUIRES: node < kNodes, and no other node of the cluster has it.
  explicit HybridClock(uint32_t node);

  // A version greater than all that were issued or observed before.
  uint64_t Next(TimePoint now) { return VersionOf(TakeTicks(now, 1)); }

  // A tick is a version without its node. Takes some that follow each other and are greater than
  // all that were taken or observed before, and not before shard time; returns the first.
  uint64_t TakeTicks(TimePoint now, uint64_t count);
  uint64_t VersionOf(uint64_t tick) const { return tick << kNodeBits | node_; }
  static uint64_t TickOf(uint64_t version) { return version >> kNodeBits; }
  // The first tick of the millisecond.
  static uint64_t FirstTickOf(TimePoint now) {
    const int64_t milliseconds = std::clamp<int64_t>(now.time_since_epoch().count(), 0, kMillisMax);
    return static_cast<uint64_t>(milliseconds) << kCounterBits;
  }

  // How far ahead of shard time a version may be to be believed: more than clocks of nodes differ
  // and bursts borrow, and little enough to wait for if a node was wrong. Else one forged or
  // damaged version would drag all that follow to where no clock gets.
  static constexpr Millis kAheadMax{60 * 60 * 1000};

  // Takes note of a version that was issued elsewhere: those issued from now on are greater. False,
  // and nothing noted: it is further ahead of `now` than kAheadMax.
  [[nodiscard]] bool Observe(uint64_t version, TimePoint now);

 private:
  static constexpr int kMillisBits = 64 - kNodeBits - kCounterBits;
  static constexpr int64_t kDayMillis = 24 * 60 * 60 * 1000;
  static constexpr int64_t kMillisMax = (int64_t{1} << kMillisBits) - 1 - kDayMillis;

  const uint64_t node_;
  alignas(64) std::atomic<uint64_t> last_tick_{0};  // in a line of its own
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_HYBRID_CLOCK_H_
