#ifndef LARDER_CLIENT_CHANNEL_LOOP_TIME_H_
#define LARDER_CLIENT_CHANNEL_LOOP_TIME_H_

#include <chrono>

#include "absl/time/time.h"

namespace larder {

// Time by a clock that is never set back, read once for all that one wake-up of a loop brings.
using LoopTime = std::chrono::steady_clock::time_point;

inline constexpr LoopTime kNoTime = LoopTime::max();

// kNoTime if that is beyond any process's life.
inline LoopTime After(LoopTime time, absl::Duration duration) {
  if (duration > absl::Hours(24 * 365 * 100)) return kNoTime;
  return time + absl::ToChronoNanoseconds(duration);
}

// A duration that is a tenth shorter (`unit` 0) to a tenth longer (1), so that what began together
// does not end together.
inline absl::Duration Jittered(absl::Duration duration, double unit) {
  return duration * (0.9 + 0.2 * unit);
}

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_LOOP_TIME_H_
