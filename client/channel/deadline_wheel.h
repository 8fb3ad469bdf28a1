#ifndef LARDER_CLIENT_CHANNEL_DEADLINE_WHEEL_H_
#define LARDER_CLIENT_CHANNEL_DEADLINE_WHEEL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "client/channel/channel_call.h"
#include "client/channel/loop_time.h"

namespace larder {

// The deadlines of calls: a timing wheel (G. Varghese, T. Lauck, "Hashed and Hierarchical Timing
// Wheels", SOSP 1987, scheme 6) with buckets of a millisecond, so that adding and removing take the
// same time for any number of calls. A call expires up to a bucket late, never early. Does not own
// the calls. Not thread-safe; time never goes back.
class DeadlineWheel {
 public:
  explicit DeadlineWheel(LoopTime now) : begin_(now) {}

  // REQUIRES: it is in no wheel. One with the deadline kNoTime never expires.
  void Add(ChannelCall& call);
  // Nothing happens if it is in none.
  void Remove(ChannelCall& call);
  // Takes those out that have expired, and appends them.
  void TakeExpired(LoopTime now, std::vector<ChannelCall*>& expired);

  // When TakeExpired is to be asked, not later than the earliest deadline but for a bucket;
  // kNoTime: there is none. Perhaps earlier, for deadlines that are more than a turn away.
  LoopTime NextLook() const;

 private:
  static constexpr size_t kBuckets = 1024;
  static constexpr size_t kWordBits = 64;

  // The tick of the bucket that ends behind a time.
  uint64_t TickOf(LoopTime time) const;
  void SetBit(size_t bucket) { bits_[bucket / kWordBits] |= uint64_t{1} << bucket % kWordBits; }
  void ClearBit(size_t bucket) {
    bits_[bucket / kWordBits] &= ~(uint64_t{1} << bucket % kWordBits);
  }
  // Ticks from `tick` to the next bucket that has a call; kBuckets: there is none.
  size_t DistanceToCall(uint64_t tick) const;

  const LoopTime begin_;
  uint64_t tick_ = 0;  // the first that was not searched
  std::array<ChannelCall*, kBuckets> buckets_{};
  std::array<uint64_t, kBuckets / kWordBits> bits_{};
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_DEADLINE_WHEEL_H_
