#ifndef LARDER_CLIENT_CHANNEL_CONNECT_BACKOFF_H_
#define LARDER_CLIENT_CHANNEL_CONNECT_BACKOFF_H_

#include <algorithm>

#include "absl/time/time.h"

namespace larder {

// How long no connection is tried after one could not be made: doubles up to a bound, with a fifth
// of chance either way, so that clients do not come back all at once (gRPC Connection Backoff
// Protocol). Not thread-safe.
class ConnectBackoff {
 public:
  ConnectBackoff(absl::Duration initial, absl::Duration max) : initial_(initial), max_(max) {}

  // After one more failure. `random`: uniform in [0, 1).
  absl::Duration Next(double random) {
    next_ = next_ == absl::ZeroDuration() ? initial_ : std::min(2 * next_, max_);
    return next_ * (1 + kJitter * (2 * random - 1));
  }
  void Reset() { next_ = absl::ZeroDuration(); }

 private:
  static constexpr double kJitter = 0.2;

  const absl::Duration initial_;
  const absl::Duration max_;
  absl::Duration next_ = absl::ZeroDuration();
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_CONNECT_BACKOFF_H_
