#ifndef LARDER_STORAGE_VERSION_SOURCE_H_
#define LARDER_STORAGE_VERSION_SOURCE_H_

#include <cstdint>

#include "storage/hybrid_clock.h"
#include "storage/time.h"

namespace larder::storage {

// The versions that one stripe issues: rising, and taken from the node's clock some at a time, so
// that few writes touch a line which all threads share. What is left of them goes when shard time
// has come to a later millisecond. Not thread-safe.
class VersionSource {
 public:
  // `clock` must outlive the source; `stripes` share it.
  VersionSource(HybridClock* clock, uint32_t stripes) : clock_(clock), ticks_(TicksFor(stripes)) {}

  uint64_t Next(TimePoint now) {
    if (next_ == end_ || next_ < HybridClock::FirstTickOf(now)) {
      next_ = clock_->TakeTicks(now, ticks_);
      end_ = next_ + ticks_;
    }
    return clock_->VersionOf(next_++);
  }

  // Issues nothing below a version of another node that the clock has observed.
  void Observe(uint64_t version) {
    if (HybridClock::TickOf(version) >= next_) next_ = end_;
  }

 private:
  // If every stripe wasted all of its ticks in every millisecond, three quarters would be left.
  static constexpr uint64_t TicksFor(uint32_t stripes) {
    constexpr uint64_t kTicksMax = 16;
    constexpr uint64_t kWasted = (uint64_t{1} << HybridClock::kCounterBits) / 4;
    return stripes * kTicksMax <= kWasted ? kTicksMax : stripes >= kWasted ? 1 : kWasted / stripes;
  }

  HybridClock* const clock_;
  const uint64_t ticks_;
  uint64_t next_ = 0;
  uint64_t end_ = 0;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_VERSION_SOURCE_H_
