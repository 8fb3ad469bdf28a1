#include "client/measure/zipf.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace larder::load {
namespace {

// The shares of the ranks agree with 1 / rank^s over the sum of all.
void ExpectShares(uint64_t items, double exponent) {
  constexpr int kDraws = 400000;
  Random random(11);
  const Zipf zipf(items, exponent);
  std::vector<int> counts(items);
  for (int i = 0; i < kDraws; ++i) {
    const uint64_t rank = zipf.Next(random);
    ASSERT_LT(rank, items);
    ++counts[rank];
  }
  double sum = 0;
  for (uint64_t k = 1; k <= items; ++k) sum += std::pow(static_cast<double>(k), -exponent);
  for (uint64_t k = 1; k <= std::min<uint64_t>(items, 50); ++k) {
    const double expected = kDraws * std::pow(static_cast<double>(k), -exponent) / sum;
    // Five standard deviations of a count.
    EXPECT_NEAR(counts[k - 1], expected, 5 * std::sqrt(expected) + 1)
        << "rank " << k << " of " << items << ", exponent " << exponent;
  }
}

TEST(ZipfTest, SharesFollowThePowerLaw) {
  for (const double exponent : {0.5, 0.99, 1.0, 1.2, 2.0}) ExpectShares(1000, exponent);
}

TEST(ZipfTest, FewItems) {
  ExpectShares(1, 0.99);
  ExpectShares(2, 0.99);
  ExpectShares(3, 1.5);
}

TEST(ZipfTest, ManyItemsStayInRange) {
  Random random(3);
  const Zipf zipf(uint64_t{1} << 40, 0.99);
  uint64_t largest = 0;
  for (int i = 0; i < 100000; ++i) largest = std::max(largest, zipf.Next(random));
  EXPECT_LT(largest, uint64_t{1} << 40);
  EXPECT_GT(largest, uint64_t{1} << 30);
}

}  // namespace
}  // namespace larder::load
