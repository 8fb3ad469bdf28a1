#include "cluster/replication/freshness.h"

#include <gtest/gtest.h>

#include "cluster/replication/reconnect_backoff.h"
#include "cluster/replication/shard_clock.h"

namespace larder::cluster {
namespace {

BootTime At(int64_t ms) { return BootTime(Millis(ms)); }

TEST(FreshnessTest, CountsFromTheRequestAndNotFromTheAnswer) {
  Freshness freshness;
  EXPECT_FALSE(freshness.Staleness(At(5)).has_value());
  freshness.Ask(1, At(10));
  freshness.Advance(100);
  freshness.Hear(1, Millis(0), 100);
  EXPECT_EQ(freshness.Staleness(At(50)), Millis(40));
}

TEST(FreshnessTest, WaitsUntilWhatTheSourceHadIsApplied) {
  Freshness freshness;
  freshness.Ask(1, At(10));
  freshness.Hear(1, Millis(0), 100);
  freshness.Advance(99);
  EXPECT_FALSE(freshness.Staleness(At(50)).has_value());
  freshness.Advance(100);
  EXPECT_EQ(freshness.Staleness(At(50)), Millis(40));
}

TEST(FreshnessTest, AgesAddUpAlongAChain) {
  Freshness freshness;
  freshness.Ask(1, At(100));
  freshness.Hear(1, Millis(30), 0);
  EXPECT_EQ(freshness.Staleness(At(100)), Millis(30));
}

TEST(FreshnessTest, PassesOverWhatWasNotAsked) {
  Freshness freshness;
  freshness.Hear(0, Millis(0), 0);
  freshness.Hear(7, Millis(0), 0);
  EXPECT_FALSE(freshness.Staleness(At(50)).has_value());
  freshness.Ask(8, At(60));
  freshness.ForgetOpen();
  freshness.Hear(8, Millis(0), 0);
  EXPECT_FALSE(freshness.Staleness(At(70)).has_value()) << "asked on another stream";
}

TEST(FreshnessTest, ManyQuestionsDoNotLoseTheOldest) {
  Freshness freshness;
  for (uint64_t number = 1; number <= 1000; ++number) {
    freshness.Ask(number, At(static_cast<int64_t>(number)));
  }
  freshness.Hear(1, Millis(0), 0);
  EXPECT_EQ(freshness.Staleness(At(1001)), Millis(1000));
  freshness.Hear(1000, Millis(0), 0);
  EXPECT_EQ(freshness.Staleness(At(1001)), Millis(1));
}

TEST(ShardClockTest, GoesOnWithoutHeartbeatsAndNeverBack) {
  ShardClock clock;
  EXPECT_FALSE(clock.At(At(0)).has_value());
  clock.Learn(ShardTime(Millis(100000)), At(1000));
  EXPECT_EQ(clock.At(At(1500)), ShardTime(Millis(100500)));
  clock.Learn(ShardTime(Millis(90000)), At(2000));
  EXPECT_EQ(clock.At(At(2000)), ShardTime(Millis(100500)));
  EXPECT_EQ(clock.At(At(20000)), ShardTime(Millis(108000)));
}

TEST(ReconnectBackoffTest, DoublesUpToTheLongestLessUpToAHalf) {
  ReconnectBackoff backoff({Millis(100), Millis(1000)}, 7);
  for (const int64_t whole : {100, 200, 400, 800, 1000, 1000}) {
    const Millis wait = backoff.Next();
    EXPECT_LE(wait.count(), whole);
    EXPECT_GE(wait.count(), whole / 2);
  }
  for (int i = 0; i < 100; ++i) EXPECT_LE(backoff.Next(), Millis(1000));
  backoff.Reset();
  EXPECT_LE(backoff.Next(), Millis(100));
}

TEST(ReconnectBackoffTest, SeedsDiffer) {
  ReconnectBackoff a({Millis(100000), Millis(100000)}, 1);
  ReconnectBackoff b({Millis(100000), Millis(100000)}, 2);
  ReconnectBackoff again({Millis(100000), Millis(100000)}, 1);
  const Millis first = a.Next();
  EXPECT_NE(first, b.Next());
  EXPECT_EQ(first, again.Next());
}

}  // namespace
}  // namespace larder::cluster
