#include "server/replication/log_clock.h"

#include <algorithm>

namespace larder::server {

void LogClock::Note(uint64_t end, cluster::BootTime now) {
  if (!samples_.empty() && end < samples_.back().end) Reset();
  if (!samples_.empty()) {
    Sample& back = samples_.back();
    if (end == back.end || now - back.first < kResolution) {
      back.end = end;
      back.last = now;
      return;
    }
  }
  if (samples_.size() == kSamplesMax) Thin(now);
  samples_.push_back({end, now, now});
}

void LogClock::Thin(cluster::BootTime now) {
  size_t kept = 1;
  for (size_t i = 1; i + 1 < samples_.size(); ++i) {
    // Without it, who has that and not the next is told the time since the one before.
    const Sample& next = samples_[i + 1];
    if (next.first - samples_[kept - 1].last > (now - next.first) / kPart) {
      samples_[kept++] = samples_[i];
    }
  }
  samples_[kept++] = samples_.back();
  samples_.resize(kept);
}

cluster::Millis LogClock::LagOf(uint64_t applied, cluster::BootTime now) const {
  const auto beyond =
      std::upper_bound(samples_.begin(), samples_.end(), applied,
                       [](uint64_t value, const Sample& sample) { return value < sample.end; });
  if (beyond == samples_.end()) return cluster::Millis(0);
  return now - (beyond == samples_.begin() ? beyond->first : std::prev(beyond)->last);
}

}  // namespace larder::server
