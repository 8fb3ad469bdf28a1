#include <gtest/gtest.h>

#include "cluster/node/authority.h"
#include "cluster/node/grants_given.h"

namespace larder::cluster {
namespace {

constexpr ShardId kShard{2};
constexpr NodeId kOld{0, 1};
constexpr NodeId kNew{0, 2};
constexpr Epoch kFirst{1, 0, kOld};
constexpr Epoch kSecond{2, 0, kNew};

BootTime At(int64_t ms) { return BootTime(Millis(ms)); }

TEST(GrantsGivenTest, AnotherPrimaryWaitsForWhatWasLent) {
  GrantsGiven grants(At(0));
  ASSERT_TRUE(grants.May(kShard, kFirst, At(10)));
  grants.Give(kShard, kFirst, At(500));
  grants.OnAccepted(kShard, kFirst, kSecond, false);
  EXPECT_FALSE(grants.May(kShard, kSecond, At(499)));
  EXPECT_TRUE(grants.May(kShard, kSecond, At(500)));
  EXPECT_TRUE(grants.May(ShardId(3), kFirst, At(10))) << "another shard";
}

TEST(GrantsGivenTest, WaitsForTheLongestOfSeveral) {
  GrantsGiven grants(At(0));
  grants.Give(kShard, kFirst, At(500));
  grants.OnAccepted(kShard, kFirst, kSecond, false);
  const Epoch third{3, 0, {0, 3}};
  grants.OnAccepted(kShard, kSecond, third, true);  // it was lent nothing
  EXPECT_FALSE(grants.May(kShard, third, At(499)));
  EXPECT_TRUE(grants.May(kShard, third, At(500)));
}

TEST(GrantsGivenTest, WhoHasEndorsedActsNoMore) {
  GrantsGiven grants(At(0));
  grants.Give(kShard, kFirst, At(500));
  grants.OnAccepted(kShard, kFirst, kSecond, true);
  EXPECT_TRUE(grants.May(kShard, kSecond, At(10)));
}

TEST(GrantsGivenTest, AnEndorsementIsOfTheEpochThatWasLent) {
  GrantsGiven grants(At(0));
  grants.Give(kShard, kFirst, At(500));
  // The one that endorsed was primary of another epoch than this voter has lent.
  const Epoch between{2, 0, {0, 7}};
  grants.OnAccepted(kShard, between, {3, 0, kNew}, true);
  EXPECT_FALSE(grants.May(kShard, {3, 0, kNew}, At(499)));
}

TEST(GrantsGivenTest, ANodeThatGoesOnWaitsForNobody) {
  GrantsGiven grants(At(0));
  grants.Give(kShard, kFirst, At(500));
  grants.OnAccepted(kShard, kFirst, {2, 0, kOld}, false);
  EXPECT_TRUE(grants.May(kShard, {2, 0, kOld}, At(10)));
}

TEST(GrantsGivenTest, AVoterThatStartsLendsNothingForALease) {
  GrantsGiven grants(At(900));
  EXPECT_FALSE(grants.May(kShard, kFirst, At(899)));
  EXPECT_TRUE(grants.May(kShard, kFirst, At(900)));
}

TEST(GrantsGivenTest, WhatOthersMayHaveLentCountsAfterAList) {
  GrantsGiven grants(At(0));
  grants.OnAdopted(kShard, kFirst, At(600), At(300));
  EXPECT_FALSE(grants.May(kShard, kFirst, At(299))) << "an earlier primary may act still";
  EXPECT_TRUE(grants.May(kShard, kFirst, At(300)));
  grants.OnAccepted(kShard, kFirst, kSecond, false);
  EXPECT_FALSE(grants.May(kShard, kSecond, At(599)));
  EXPECT_TRUE(grants.May(kShard, kSecond, At(600)));
}

// ---- At the primary.

VoterList Three() {
  VoterList list;
  list.epoch = 4;
  list.voters = {{0, 11}, {0, 12}, {0, 13}};
  return list;
}

Grant GrantFor(const Epoch& epoch, uint64_t list_epoch = 4, uint64_t map = 1) {
  return {kShard, epoch, list_epoch, map, Millis(400)};
}

TEST(AuthorityTest, LastsAsLongAsAMajorityHasLent) {
  Authority authority;
  authority.OnGrant({0, 11}, GrantFor(kFirst), At(100));
  EXPECT_FALSE(authority.Until(Three(), kFirst, 1).has_value());
  authority.OnGrant({0, 13}, GrantFor(kFirst), At(50));
  EXPECT_EQ(authority.Until(Three(), kFirst, 1), At(450));
  authority.OnGrant({0, 12}, GrantFor(kFirst), At(80));
  EXPECT_EQ(authority.Until(Three(), kFirst, 1), At(480));
  authority.OnGrant({0, 12}, GrantFor(kFirst), At(10));
  EXPECT_EQ(authority.Until(Three(), kFirst, 1), At(480)) << "an old answer comes late";
}

TEST(AuthorityTest, CountsOnlyWhatIsOfItsEpochAndListAndMap) {
  Authority authority;
  authority.OnGrant({0, 11}, GrantFor(kFirst), At(100));
  authority.OnGrant({0, 12}, GrantFor(kSecond), At(100));
  authority.OnGrant({0, 99}, GrantFor(kFirst), At(100));
  EXPECT_FALSE(authority.Until(Three(), kFirst, 1).has_value());
  authority.OnGrant({0, 12}, GrantFor(kFirst, 3), At(100));
  EXPECT_FALSE(authority.Until(Three(), kFirst, 1).has_value());
  authority.OnGrant({0, 12}, GrantFor(kFirst, 4, 2), At(100));
  EXPECT_FALSE(authority.Until(Three(), kFirst, 1).has_value()) << "it has not that slot map";
  EXPECT_EQ(authority.Until(Three(), kFirst, 2), At(500));
}

}  // namespace
}  // namespace larder::cluster
