#include "client/load/workload.h"

#include <gtest/gtest.h>

#include <set>

#include "client/measure/value_pattern.h"

namespace larder::load {
namespace {

TEST(WorkloadTest, FillMakesEveryKeyOnceWithItsSize) {
  Workload workload({.keys = 1000, .key_bytes = 8});
  std::set<std::string> keys;
  for (uint64_t i = 0; i < 1000; ++i) {
    Operation operation;
    workload.MakeFill(i, operation);
    EXPECT_EQ(operation.kind, Operation::Kind::kSet);
    EXPECT_EQ(operation.key.size(), 8u);
    EXPECT_EQ(operation.value.size(), 100u);
    keys.insert(operation.key);
  }
  EXPECT_EQ(keys.size(), 1000u);
  EXPECT_EQ(*keys.begin(), "00000000");
  EXPECT_EQ(*keys.rbegin(), "00000999");
}

TEST(WorkloadTest, MixKeepsTheShareOfReads) {
  Workload workload({.keys = 10, .read_share = 0.75});
  int gets = 0;
  for (int i = 0; i < 10000; ++i) {
    Operation operation;
    workload.MakeMixed(operation);
    gets += operation.kind == Operation::Kind::kGet ? 1 : 0;
  }
  EXPECT_NEAR(gets, 7500, 250);
}

TEST(WorkloadTest, SizesAreLogUniformInTheirRange) {
  Workload workload({.keys = 10, .value_bytes_min = 10, .value_bytes_max = 1000, .read_share = 0});
  int below_100 = 0;
  for (int i = 0; i < 10000; ++i) {
    Operation operation;
    workload.MakeMixed(operation);
    ASSERT_GE(operation.value.size(), 10u);
    ASSERT_LE(operation.value.size(), 1000u);
    below_100 += operation.value.size() < 100 ? 1 : 0;
  }
  EXPECT_NEAR(below_100, 5000, 300);  // the middle of the logarithms
}

TEST(WorkloadTest, OneSeedOneSequence) {
  Workload a({.keys = 1000, .zipf_s = 0.99, .seed = 5});
  Workload b({.keys = 1000, .zipf_s = 0.99, .seed = 5});
  Workload c({.keys = 1000, .zipf_s = 0.99, .seed = 6});
  int same_as_c = 0;
  for (int i = 0; i < 100; ++i) {
    Operation x;
    Operation y;
    Operation z;
    a.MakeMixed(x);
    b.MakeMixed(y);
    c.MakeMixed(z);
    EXPECT_EQ(x.key, y.key);
    EXPECT_EQ(x.value, y.value);
    same_as_c += x.key == z.key ? 1 : 0;
  }
  EXPECT_LT(same_as_c, 50);
}

TEST(ValuePatternTest, AcceptsOnlyTheWholeValueOfTheKey) {
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{7}, size_t{8}, size_t{1000}}) {
    std::string value;
    FillPattern("key", bytes, value);
    ASSERT_EQ(value.size(), bytes);
    EXPECT_TRUE(MatchesPattern("key", value));
    if (bytes < 7) continue;
    EXPECT_FALSE(MatchesPattern("other", value));
    EXPECT_FALSE(MatchesPattern("key", value.substr(0, bytes - 1)));
    value.back() ^= 1;
    EXPECT_FALSE(MatchesPattern("key", value));
  }
}

}  // namespace
}  // namespace larder::load
