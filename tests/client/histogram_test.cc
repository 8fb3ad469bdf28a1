#include "client/measure/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "client/load/random.h"

namespace larder::load {
namespace {

TEST(HistogramTest, EmptyHasNothing) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.Quantile(0.5), absl::ZeroDuration());
  EXPECT_EQ(histogram.Mean(), absl::ZeroDuration());
}

TEST(HistogramTest, OneValueIsEveryQuantileWithinHalfAPercent) {
  // Over the whole range, at and beside the borders of buckets.
  for (double value = 1; value < 4e12; value *= 1.37) {
    for (const int64_t nanos : {static_cast<int64_t>(value), static_cast<int64_t>(value) + 1}) {
      Histogram histogram;
      histogram.Add(absl::Nanoseconds(nanos));
      histogram.Add(absl::Hours(2));  // so that max() does not help
      const double found = absl::ToDoubleNanoseconds(histogram.Quantile(0.5));
      EXPECT_NEAR(found / static_cast<double>(nanos), 1, 0.005) << nanos;
    }
  }
}

TEST(HistogramTest, QuantilesAgreeWithASortedList) {
  Random random(7);
  Histogram histogram;
  std::vector<int64_t> values;
  for (int i = 0; i < 100000; ++i) {
    // From 1 us to 1 s, log-uniform.
    values.push_back(static_cast<int64_t>(std::exp(random.Fraction() * std::log(1e6)) * 1e3));
    histogram.Add(absl::Nanoseconds(values.back()));
  }
  std::sort(values.begin(), values.end());
  for (const double quantile : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const size_t rank = static_cast<size_t>(std::ceil(quantile * 100000));
    const double exact = static_cast<double>(values[rank - 1]);
    EXPECT_NEAR(absl::ToDoubleNanoseconds(histogram.Quantile(quantile)) / exact, 1, 0.01)
        << quantile;
  }
  EXPECT_EQ(histogram.max(), absl::Nanoseconds(values.back()));
}

TEST(HistogramTest, MergeCountsBoth) {
  Histogram a;
  Histogram b;
  for (int i = 0; i < 90; ++i) a.Add(absl::Microseconds(100));
  for (int i = 0; i < 10; ++i) b.Add(absl::Milliseconds(100));
  a.Merge(b);
  EXPECT_EQ(a.count(), 100u);
  EXPECT_LT(a.Quantile(0.9), absl::Milliseconds(1));
  EXPECT_GT(a.Quantile(0.91), absl::Milliseconds(99));
  EXPECT_NEAR(absl::ToDoubleMilliseconds(a.Mean()), 10.09, 0.01);
}

TEST(HistogramTest, ClampsWhatIsOutOfRange) {
  Histogram histogram;
  histogram.Add(absl::Seconds(-1));
  EXPECT_EQ(histogram.Quantile(1), absl::ZeroDuration());
  histogram.Add(absl::InfiniteDuration());
  EXPECT_GT(histogram.max(), absl::Minutes(73));
  EXPECT_LT(histogram.max(), absl::Minutes(74));
}

}  // namespace
}  // namespace larder::load
