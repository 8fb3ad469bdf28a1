#include "server/replication/log_clock.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace larder::server {
namespace {

using cluster::Millis;

cluster::BootTime At(int64_t ms) { return cluster::BootTime(Millis(ms)); }

TEST(LogClockTest, WhoHasAllHasNoLag) {
  LogClock clock;
  EXPECT_EQ(clock.LagOf(5, At(100)), Millis(0)) << "nothing is known";
  clock.Note(10, At(100));
  EXPECT_EQ(clock.LagOf(10, At(5000)), Millis(0));
  EXPECT_EQ(clock.LagOf(11, At(5000)), Millis(0)) << "it was noted a little later than applied";
}

TEST(LogClockTest, WhoLacksSomethingLagsSinceTheLogGrewBeyondWhatItHas) {
  LogClock clock;
  clock.Note(10, At(100));
  clock.Note(10, At(900));  // until then it had all
  clock.Note(20, At(1000));
  clock.Note(30, At(2000));
  clock.Note(30, At(3000));
  EXPECT_EQ(clock.LagOf(10, At(3000)), Millis(2100));
  EXPECT_EQ(clock.LagOf(15, At(3000)), Millis(2100)) << "it has not all of the next";
  EXPECT_EQ(clock.LagOf(20, At(3000)), Millis(2000));
  EXPECT_EQ(clock.LagOf(29, At(3000)), Millis(2000));
  EXPECT_EQ(clock.LagOf(30, At(9000)), Millis(0));
}

TEST(LogClockTest, BeforeTheFirstNoteItIsAtLeastSoLong) {
  LogClock clock;
  clock.Note(10, At(100));
  clock.Note(10, At(300));
  EXPECT_EQ(clock.LagOf(9, At(400)), Millis(300));
}

TEST(LogClockTest, AnEndThatGoesBackIsOfAnotherLog) {
  LogClock clock;
  clock.Note(10, At(100));
  clock.Note(500, At(200));
  clock.Note(20, At(1000));
  EXPECT_EQ(clock.LagOf(10, At(1300)), Millis(300));
  clock.Reset();
  EXPECT_EQ(clock.LagOf(10, At(1300)), Millis(0));
}

// Against every note that was ever made: never too short, and not much too long.
TEST(LogClockTest, IsNearTheTruthHoweverLongAgo) {
  std::mt19937_64 random(1);
  LogClock clock;
  std::map<uint64_t, int64_t> truth;  // when it ended there the last time
  uint64_t end = 1;
  int64_t now = 0;
  for (int i = 0; i < 300000; ++i) {
    now += static_cast<int64_t>(random() % 4);
    if (random() % 8 != 0) end += random() % 100;
    clock.Note(end, At(now));
    truth[end] = now;
    if (i % 1000 != 0) continue;
    for (int j = 0; j < 20; ++j) {
      const uint64_t applied = 1 + random() % end;
      const auto beyond = truth.upper_bound(applied);
      if (beyond == truth.begin() || beyond == truth.end()) continue;
      const int64_t lag = now - std::prev(beyond)->second;
      const int64_t told = clock.LagOf(applied, At(now)).count();
      ASSERT_GE(told, lag) << applied << " of " << end;
      ASSERT_LE(told, lag + lag / LogClock::kPart + LogClock::kResolution.count())
          << applied << " of " << end;
    }
  }
  EXPECT_GT(now, 400000);
}

}  // namespace
}  // namespace larder::server
