#ifndef LARDER_CLIENT_MEASURE_HISTOGRAM_H_
#define LARDER_CLIENT_MEASURE_HISTOGRAM_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace larder::load {

// Counts of durations in buckets of which each power of two has 128, so a quantile is off by at
// most 0.4 % (G. Tene's HdrHistogram has the idea). Constant memory, 36 KiB. Not thread-safe.
// Durations below 0 count as 0, above 73 minutes as 73 minutes; the largest is kept exactly.
class Histogram {
 public:
  Histogram();

  void Add(absl::Duration duration);
  void Merge(const Histogram& other);

  uint64_t count() const { return count_; }
  // 0 if empty.
  absl::Duration max() const { return absl::Nanoseconds(max_); }
  absl::Duration Mean() const;
  // The smallest recorded duration that a share `quantile` (0..1) of all do not exceed, to the
  // precision of a bucket. 0 if empty.
  absl::Duration Quantile(double quantile) const;

 private:
  std::vector<uint64_t> buckets_;
  uint64_t count_ = 0;
  int64_t max_ = 0;  // nanoseconds
  double sum_ = 0;   // nanoseconds
};

}  // namespace larder::load

#endif  // LARDER_CLIENT_MEASURE_HISTOGRAM_H_
