#include "client/measure/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

namespace larder::load {
namespace {

constexpr int kPrecisionBits = 7;  // 128 buckets a power of two
constexpr int kValueBits = 42;
constexpr int64_t kValueMax = (int64_t{1} << kValueBits) - 1;
constexpr size_t kBuckets = size_t{kValueBits - kPrecisionBits + 1} << kPrecisionBits;

// Values below 128 have a bucket each; above, a bucket is a power of two and its next 7 bits.
size_t BucketOf(int64_t value) {
  const uint64_t v = static_cast<uint64_t>(value);
  if (v < (1u << kPrecisionBits)) return v;
  const int shift = std::bit_width(v) - 1 - kPrecisionBits;
  return (static_cast<size_t>(shift) << kPrecisionBits) + (v >> shift);
}

// The value in the middle of a bucket.
int64_t MiddleOf(size_t bucket) {
  if (bucket < (size_t{2} << kPrecisionBits)) return static_cast<int64_t>(bucket);
  const int shift = static_cast<int>(bucket >> kPrecisionBits) - 1;
  const int64_t low = static_cast<int64_t>(bucket - (static_cast<size_t>(shift) << kPrecisionBits))
                      << shift;
  return low + (int64_t{1} << shift) / 2;
}

}  // namespace

Histogram::Histogram() : buckets_(kBuckets) {}

void Histogram::Add(absl::Duration duration) {
  const int64_t value = std::clamp<int64_t>(absl::ToInt64Nanoseconds(duration), 0, kValueMax);
  ++buckets_[BucketOf(value)];
  ++count_;
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value);
}

void Histogram::Merge(const Histogram& other) {
  for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

absl::Duration Histogram::Mean() const {
  return count_ == 0 ? absl::ZeroDuration() : absl::Nanoseconds(sum_ / static_cast<double>(count_));
}

absl::Duration Histogram::Quantile(double quantile) const {
  if (count_ == 0) return absl::ZeroDuration();
  const double share = std::clamp(quantile, 0.0, 1.0) * static_cast<double>(count_);
  const uint64_t rank = std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(share)));
  uint64_t seen = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= rank) return absl::Nanoseconds(std::min(MiddleOf(i), max_));
  }
  return max();
}

}  // namespace larder::load
