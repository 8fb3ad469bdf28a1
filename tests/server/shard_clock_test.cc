#include "server/upkeep/shard_clock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace larder::server {
namespace {

constexpr int64_t kMillisecond = 1000000;
constexpr int64_t kSecond = 1000 * kMillisecond;
constexpr int64_t kWall = 1700000000 * kSecond;

// A clock over sources that a test moves.
class ShardClockTest : public testing::Test {
 protected:
  int64_t NowMs() const { return clock_.Now().time_since_epoch().count(); }
  void Advance(int64_t nanoseconds) {
    boot_ += nanoseconds;
    wall_ += nanoseconds;
  }

  std::atomic<int64_t> boot_{5 * kSecond};
  std::atomic<int64_t> wall_{kWall};
  ShardClock clock_{
      ShardClock::Sources{[this] { return boot_.load(); }, [this] { return wall_.load(); }}};
};

TEST_F(ShardClockTest, StartsAtTheWallClockAndRunsWithTheBootClock) {
  EXPECT_EQ(NowMs(), kWall / kMillisecond);
  boot_ += 1500 * kMillisecond;
  EXPECT_EQ(NowMs(), kWall / kMillisecond + 1500);
}

TEST_F(ShardClockTest, DoesNotJumpWhenTheWallClockIsSetForward) {
  wall_ += 10 * kSecond;
  clock_.Discipline();
  EXPECT_EQ(NowMs(), kWall / kMillisecond);
  Advance(100 * kSecond);
  EXPECT_EQ(NowMs(), kWall / kMillisecond + 101000);
  Advance(900 * kSecond);
  EXPECT_EQ(NowMs(), kWall / kMillisecond + 1010000);
  Advance(1000 * kSecond);
  EXPECT_EQ(NowMs(), wall_ / kMillisecond);
}

TEST_F(ShardClockTest, DoesNotStepBackWhenTheWallClockIsSetBack) {
  wall_ -= 3600 * kSecond;
  clock_.Discipline();
  EXPECT_EQ(NowMs(), kWall / kMillisecond);
  Advance(100 * kSecond);
  EXPECT_EQ(NowMs(), kWall / kMillisecond + 99000);
}

TEST_F(ShardClockTest, StepsForwardToAWallClockThatIsMoreThanAnHourAhead) {
  wall_ += 3600 * kSecond;
  clock_.Discipline();
  EXPECT_EQ(NowMs(), kWall / kMillisecond) << "an hour is not more";
  wall_ += kSecond;
  clock_.Discipline();
  EXPECT_EQ(NowMs(), wall_ / kMillisecond);
  Advance(100 * kSecond);
  EXPECT_EQ(NowMs(), wall_ / kMillisecond) << "and runs on as ever";
}

TEST_F(ShardClockTest, NeverStepsBackHoweverFarAheadItIs) {
  wall_ -= int64_t{365 * 24 * 3600} * kSecond;
  clock_.Discipline();
  EXPECT_EQ(NowMs(), kWall / kMillisecond);
  Advance(100 * kSecond);
  clock_.Discipline();
  EXPECT_EQ(NowMs(), kWall / kMillisecond + 99000);
}

TEST(ShardClockAtTheEpochTest, RecoversOnceTheWallClockIsSet) {
  int64_t boot = 3 * kSecond;
  int64_t wall = 3 * kSecond;
  ShardClock clock{ShardClock::Sources{[&] { return boot; }, [&] { return wall; }}};
  EXPECT_EQ(clock.Now().time_since_epoch().count(), 3000) << "booted in 1970";
  boot += 60 * kSecond;
  wall = kWall;
  clock.Discipline();
  EXPECT_EQ(clock.Now().time_since_epoch().count(), kWall / kMillisecond);
}

TEST_F(ShardClockTest, FollowsTheWallClockOnceItHasCaughtUp) {
  wall_ += kSecond;
  for (int i = 0; i < 200; ++i) {
    clock_.Discipline();
    Advance(kSecond);
  }
  EXPECT_EQ(NowMs(), wall_ / kMillisecond);
}

TEST_F(ShardClockTest, RisesAtOneHundredthOfTheSpeedAtLeastWhateverTheWallClockDoes) {
  int64_t before = NowMs();
  for (int i = 0; i < 1000; ++i) {
    wall_ += (i % 2 == 0 ? 1 : -1) * 10 * kSecond;
    clock_.Discipline();
    ASSERT_EQ(NowMs(), before);
    Advance(kSecond);
    const int64_t now = NowMs();
    ASSERT_GE(now - before, 989);
    ASSERT_LE(now - before, 1011);
    before = now;
  }
}

TEST_F(ShardClockTest, NeverStepsBackForReadersOnOtherThreads) {
  std::atomic<bool> is_stopping{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      storage::TimePoint last = clock_.Now();
      while (!is_stopping) {
        const storage::TimePoint now = clock_.Now();
        ASSERT_GE(now, last);
        last = now;
      }
    });
  }
  for (int i = 0; i < 20000; ++i) {
    Advance(10 * kMillisecond);
    wall_ += (i % 3 - 1) * kSecond;
    if (i % 1000 == 0) wall_ += 7200 * kSecond;  // it steps
    clock_.Discipline();
  }
  is_stopping = true;
  for (std::thread& reader : readers) reader.join();
}

TEST(MachineShardClockTest, IsCloseToTheWallClock) {
  const auto before = std::chrono::system_clock::now();
  const ShardClock clock;
  const auto now = clock.Now();
  EXPECT_GE(now + storage::Millis(1), std::chrono::floor<storage::Millis>(before));
  EXPECT_LE(now - storage::Millis(1), std::chrono::system_clock::now());
}

}  // namespace
}  // namespace larder::server
