#ifndef LARDER_SERVER_REPLICATION_LOG_CLOCK_H_
#define LARDER_SERVER_REPLICATION_LOG_CLOCK_H_

#include <cstddef>
#include <cstdint>
#include <deque>

#include "cluster/replication/boot_time.h"

namespace larder::server {

// When a log ended where, so that it can be told how long ago all that a replica has was all there
// was. Not thread-safe.
class LogClock {
 public:
  // The log ends at `end` now; both never go back, until Reset.
  void Note(uint64_t end, cluster::BootTime now) {
    if (!samples_.empty() && samples_.back().end == end) {
      samples_.back().last = now;
      return;
    }
    if (samples_.size() == kSamplesMax) samples_.pop_front();
    samples_.push_back({end, now});
  }
  void Reset() { samples_.clear(); }

  // 0: the log has not grown beyond `applied`. At least so long, if that was too long ago to know.
  cluster::Millis LagOf(uint64_t applied, cluster::BootTime now) const {
    for (auto sample = samples_.rbegin(); sample != samples_.rend(); ++sample) {
      if (sample->end > applied) continue;
      return sample == samples_.rbegin()
                 ? cluster::Millis(0)
                 : std::chrono::duration_cast<cluster::Millis>(now - sample->last);
    }
    if (samples_.empty()) return cluster::Millis(0);
    return std::chrono::duration_cast<cluster::Millis>(now - samples_.front().last);
  }

 private:
  struct Sample {
    uint64_t end;
    cluster::BootTime last;  // when it ended there the last time
  };
  static constexpr size_t kSamplesMax = 4096;

  std::deque<Sample> samples_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_REPLICATION_LOG_CLOCK_H_
