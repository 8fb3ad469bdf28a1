#include "cluster/members/failure_detector.h"

#include <gtest/gtest.h>

#include "cluster/members/suspicions.h"

namespace larder::cluster {
namespace {

constexpr NodeId kPeer{0, 1};

BootTime At(int64_t ms) { return BootTime(Millis(ms)); }

TEST(FailureDetectorTest, SuspectsWhoIsSilent) {
  FailureDetector detector(Millis(1000));
  detector.Watch(kPeer, At(0));
  EXPECT_FALSE(detector.IsSuspect(kPeer, At(1000)));
  EXPECT_TRUE(detector.IsSuspect(kPeer, At(1001)));
  detector.OnHeard(kPeer, At(900), At(1100));
  EXPECT_FALSE(detector.IsSuspect(kPeer, At(1900)));
  detector.Watch(kPeer, At(1950));
  EXPECT_TRUE(detector.IsSuspect(kPeer, At(2101))) << "to watch it again is not to hear it";
}

TEST(FailureDetectorTest, SuspectsWhoIsHeardAndDoesNotHear) {
  FailureDetector detector(Millis(1000));
  detector.Watch(kPeer, At(0));
  detector.OnHeard(kPeer, At(50), At(100));
  for (int64_t ms = 200; ms <= 1000; ms += 100) detector.OnHeard(kPeer, std::nullopt, At(ms));
  EXPECT_FALSE(detector.IsSuspect(kPeer, At(1050)));
  EXPECT_TRUE(detector.IsSuspect(kPeer, At(1051)));
  detector.OnHeard(kPeer, At(900), At(1060));
  EXPECT_FALSE(detector.IsSuspect(kPeer, At(1060)));
}

TEST(FailureDetectorTest, WhoComesBackHasTimeToHear) {
  FailureDetector detector(Millis(1000));
  detector.Watch(kPeer, At(0));
  detector.OnHeard(kPeer, std::nullopt, At(5000));
  EXPECT_FALSE(detector.IsSuspect(kPeer, At(5500)));
  EXPECT_TRUE(detector.IsSuspect(kPeer, At(6001)));
}

TEST(FailureDetectorTest, RefusedIsSuspectAtOnceUntilItIsHeard) {
  FailureDetector detector(Millis(1000));
  detector.Watch(kPeer, At(0));
  detector.OnRefused(kPeer);
  EXPECT_TRUE(detector.IsSuspect(kPeer, At(1)));
  detector.OnHeard(kPeer, std::nullopt, At(2));
  EXPECT_FALSE(detector.IsSuspect(kPeer, At(2)));
}

TEST(FailureDetectorTest, UnwellIsSuspectUntilItIsWell) {
  FailureDetector detector(Millis(1000));
  detector.Watch(kPeer, At(0));
  detector.OnCondition(kPeer, false);
  detector.OnHeard(kPeer, At(0), At(1));
  EXPECT_TRUE(detector.IsSuspect(kPeer, At(1)));
  detector.OnCondition(kPeer, true);
  EXPECT_FALSE(detector.IsSuspect(kPeer, At(1)));
}

TEST(FailureDetectorTest, AnOwnPauseIsNotTheSilenceOfOthers) {
  FailureDetector detector(Millis(1000));
  detector.Watch(kPeer, At(0));
  detector.OnPause(Millis(3000));
  EXPECT_FALSE(detector.IsSuspect(kPeer, At(4000)));
  EXPECT_TRUE(detector.IsSuspect(kPeer, At(4001)));
}

TEST(FailureDetectorTest, KnowsNothingOfOthers) {
  FailureDetector detector(Millis(1000));
  detector.OnHeard(kPeer, At(0), At(0));
  detector.OnRefused(kPeer);
  EXPECT_FALSE(detector.IsWatched(kPeer));
  EXPECT_FALSE(detector.IsSuspect(kPeer, At(9999)));
  EXPECT_FALSE(detector.IsWell(kPeer, At(0)));
}

// ---- FAIL.

VoterList Five() {
  VoterList list;
  list.epoch = 1;
  for (uint64_t i = 1; i <= 5; ++i) list.voters.push_back({0, i});
  return list;
}

constexpr FailMark kDead{{0, 9}, 0, 4};

TEST(SuspicionsTest, CountsVotersAlone) {
  Suspicions suspicions(Millis(2000));
  for (const uint64_t reporter : {1u, 2u, 7u, 8u, 2u}) {
    suspicions.OnReport({0, reporter}, kDead, At(0));
  }
  EXPECT_EQ(suspicions.Reports(Five(), kDead, At(0)), 2u);
}

TEST(SuspicionsTest, CountsNoReportThatIsOldOrWithdrawn) {
  Suspicions suspicions(Millis(2000));
  suspicions.OnReport({0, 1}, kDead, At(0));
  suspicions.OnReport({0, 2}, kDead, At(1000));
  suspicions.OnReport({0, 3}, kDead, At(1000));
  EXPECT_EQ(suspicions.Reports(Five(), kDead, At(2000)), 3u);
  EXPECT_EQ(suspicions.Reports(Five(), kDead, At(2001)), 2u);
  suspicions.OnWithdrawn({0, 3}, kDead.node);
  EXPECT_EQ(suspicions.Reports(Five(), kDead, At(2001)), 1u);
  suspicions.Expire(At(9000));
  EXPECT_EQ(suspicions.Reports(Five(), kDead, At(2001)), 0u);
}

TEST(SuspicionsTest, AReportIsOfOneGeneration) {
  Suspicions suspicions(Millis(2000));
  suspicions.OnReport({0, 1}, kDead, At(0));
  FailMark restarted = kDead;
  ++restarted.generation;
  EXPECT_EQ(suspicions.Reports(Five(), restarted, At(0)), 0u);
}

}  // namespace
}  // namespace larder::cluster
