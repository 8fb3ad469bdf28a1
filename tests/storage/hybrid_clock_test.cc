#include "storage/hybrid_clock.h"

#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace larder::storage {
namespace {

constexpr TimePoint kNow{Millis(1'700'000'000'000)};

TEST(HybridClockTest, RisesAlsoWhenTimeStandsStillOrGoesBack) {
  HybridClock clock(5);
  uint64_t last = 0;
  for (int i = 0; i < 10000; ++i) {
    const uint64_t next = clock.Next(kNow - Millis(i % 3 * 1000));
    ASSERT_GT(next, last);
    last = next;
  }
}

TEST(HybridClockTest, FollowsTimeAndCarriesTheNode) {
  HybridClock clock(1023);
  const uint64_t version = clock.Next(kNow);
  EXPECT_EQ(version & (HybridClock::kNodes - 1), 1023u);
  EXPECT_EQ(version >> (HybridClock::kNodeBits + HybridClock::kCounterBits),
            static_cast<uint64_t>(kNow.time_since_epoch().count()));
  EXPECT_GT(clock.Next(kNow + Millis(1)), version);
}

TEST(HybridClockTest, IsNeverZero) {
  HybridClock clock(0);
  EXPECT_NE(clock.Next(TimePoint()), 0u);
  EXPECT_NE(clock.Next(TimePoint(Millis(-5))), 0u);
}

TEST(HybridClockTest, PassesWhatItObserved) {
  HybridClock ahead(1);
  HybridClock behind(2);
  const uint64_t seen = ahead.Next(kNow + Millis(60'000));
  EXPECT_TRUE(behind.Observe(seen, kNow));
  EXPECT_GT(behind.Next(kNow), seen);
  EXPECT_TRUE(behind.Observe(1, kNow));
  EXPECT_GT(behind.Next(kNow), seen);
}

TEST(HybridClockTest, BelievesNoVersionThatIsFarAheadOfShardTime) {
  HybridClock ahead(1);
  HybridClock clock(2);
  const uint64_t first = clock.Next(kNow);
  const uint64_t last_believed = ahead.Next(kNow + HybridClock::kAheadMax);
  EXPECT_FALSE(clock.Observe(~uint64_t{0}, kNow));
  EXPECT_FALSE(clock.Observe(ahead.Next(kNow + HybridClock::kAheadMax + Millis(1)), kNow));
  EXPECT_EQ(clock.Next(kNow), first + HybridClock::kNodes) << "the next of the counter";
  EXPECT_TRUE(clock.Observe(last_believed, kNow));
  EXPECT_GT(clock.Next(kNow), last_believed);
}

TEST(HybridClockTest, NeverWrapsAroundAtTheEndOfItsTime) {
  HybridClock clock(3);
  const TimePoint end{Millis((int64_t{1} << 42) - 1)};
  uint64_t last = clock.Next(kNow);
  for (const TimePoint now : {end, end, end + Millis(1), end + Millis(1'000'000'000)}) {
    const uint64_t next = clock.Next(now);
    ASSERT_GT(next, last);
    last = next;
  }
  EXPECT_FALSE(clock.Observe(~uint64_t{0}, end + Millis(1'000'000'000)));
  EXPECT_GT(clock.Next(end), last);
  EXPECT_GT(~clock.Next(end) >> (HybridClock::kNodeBits + HybridClock::kCounterBits), 80'000'000u)
      << "most of a day is left for bursts";
}

TEST(HybridClockTest, ThreadsGetDifferentVersions) {
  HybridClock clock(0);
  std::vector<std::vector<uint64_t>> versions(4);
  std::vector<std::thread> threads;
  for (auto& mine : versions) {
    threads.emplace_back([&clock, &mine] {
      for (int i = 0; i < 5000; ++i) mine.push_back(clock.Next(kNow));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<uint64_t> all;
  for (const auto& mine : versions) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 20000u);
}

}  // namespace
}  // namespace larder::storage
