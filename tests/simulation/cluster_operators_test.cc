// What operators do at bad moments: TAKEOVER, FORGET and MEET, and what they leave behind.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "tests/simulation/cluster/cluster_world.h"
#include "tests/simulation/cluster/story.h"

namespace larder::simulation {
namespace {

using cluster::ShardId;

constexpr ShardId kShard{0};

class OperatorsTest : public testing::TestWithParam<uint64_t> {
 protected:
  static cluster::Epoch EpochAt(const ClusterWorld& world, size_t node) {
    return world.process(node).node().core().OwnRegister()->epoch;
  }
};

// 0 leads and is cut off; 1 is elected; 1 and 2 die. 0 is told to take over, and acknowledges
// writes. 1 and 2 return: what they agreed on is to be below.
TEST_P(OperatorsTest, TakeOverOfThePrimaryItselfIsNotSetAside) {
  ClusterWorld world(StoryOptions(1, 2, GetParam()));
  ASSERT_TRUE(BeginServed(&world));
  ASSERT_EQ(world.Acting(kShard), 0u);
  Isolate(&world, 0);
  ASSERT_TRUE(world.RunUntil(
      [&] {
        const auto a = world.Acting(kShard);
        return a.has_value() && *a != 0;
      },
      Millis(6000)));
  world.Run(Millis(1000));
  world.Crash(1);
  world.Crash(2);
  world.Run(Millis(2000));
  TakeOver(&world, 0);
  ASSERT_TRUE(world.RunUntil([&] { return world.Acting(kShard) == 0u; }, Millis(6000)));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(WriteTo(&world, 0, "x" + std::to_string(i), 0));
  world.Run(Millis(500));
  const cluster::Epoch epoch = EpochAt(world, 0);
  EXPECT_GT(epoch.term, ListOf(world, 0).floor);
  const uint64_t end = world.node(0).keyspace().end();
  world.Heal();
  world.Restart(1);
  world.Restart(2);
  world.Run(Millis(8000));
  EXPECT_EQ(world.Acting(kShard), 0u);
  EXPECT_GE(EpochAt(world, 0), epoch);
  EXPECT_GE(world.node(0).keyspace().end(), end);
  EXPECT_EQ(world.violation(), std::nullopt);
}

// The same of a shard whose primary is only heard by the one that takes over. Shards 0, 1, 2 of
// nodes 0..2 with replicas 3..5 (shard 0: 3, ...).
TEST_P(OperatorsTest, TakeOverLetsOtherShardsPrimariesBeSetAside) {
  ClusterWorld world(StoryOptions(3, 1, GetParam()));
  ASSERT_TRUE(BeginServed(&world));
  const auto replica_of = [&](uint32_t shard) {
    for (const size_t n : world.NodesOf(ShardId(shard))) {
      if (n != *world.Acting(ShardId(shard))) return n;
    }
    return size_t{99};
  };
  const size_t p0 = *world.Acting(ShardId(0)), p1 = *world.Acting(ShardId(1)),
               p2 = *world.Acting(ShardId(2));
  const size_t r0 = replica_of(0), r1 = replica_of(1), r2 = replica_of(2);
  // p1 and r0 on one side; p0, p2, r1, r2 on the other.
  for (const size_t a : {p1, r0}) {
    for (const size_t b : {p0, p2, r1, r2}) BlockBoth(&world, a, b);
  }
  ASSERT_TRUE(world.RunUntil([&] { return world.Acting(ShardId(1)) == r1; }, Millis(6000)));
  world.Run(Millis(1000));
  for (const size_t b : {p0, p2, r1, r2}) world.Crash(b);
  world.Run(Millis(2000));
  TakeOver(&world, r0);
  ASSERT_TRUE(world.RunUntil([&] { return world.Acting(ShardId(0)) == r0; }, Millis(6000)));
  ASSERT_TRUE(world.RunUntil([&] { return world.Acting(ShardId(1)) == p1; }, Millis(8000)));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(WriteTo(&world, p1, "x" + std::to_string(i), 0));
  world.Run(Millis(500));
  const uint64_t end = world.node(p1).keyspace().end();
  EXPECT_GT(EpochAt(world, p1).term, ListOf(world, p1).floor);
  world.Heal();
  for (const size_t b : {p0, p2, r1, r2}) world.Restart(b);
  world.Run(Millis(10000));
  EXPECT_EQ(world.Acting(ShardId(1)), p1);
  EXPECT_GE(world.node(p1).keyspace().end(), end);
  EXPECT_EQ(world.violation(), std::nullopt);
}

// Three nodes become one: both others are forgotten by one operator, one after the other.
TEST_P(OperatorsTest, BothOthersAreForgottenAtOnce) {
  for (int64_t between : {0, 50, 500, 900}) {
    ClusterWorld world(StoryOptions(1, 2, GetParam()));
    ASSERT_TRUE(BeginServed(&world));
    const size_t primary = *world.Acting(kShard);
    Forget(&world, primary, (primary + 1) % 3);
    world.Run(Millis(between));
    Forget(&world, primary, (primary + 2) % 3);
    world.Run(Millis(20000));
    EXPECT_EQ(world.Acting(kShard), primary) << between;
    EXPECT_FALSE(ListOf(world, primary).permanent.empty()) << between;
  }
}

// One of three is dead; the other is forgotten.
TEST_P(OperatorsTest, TheLastOtherVoterIsForgotten) {
  ClusterWorld world(StoryOptions(1, 2, GetParam()));
  ASSERT_TRUE(BeginServed(&world));
  const size_t primary = *world.Acting(kShard);
  world.Crash((primary + 1) % 3);
  world.Run(Millis(3000));
  EXPECT_EQ(world.Acting(kShard), primary);
  Forget(&world, primary, (primary + 2) % 3);
  world.Run(Millis(20000));
  EXPECT_EQ(world.Acting(kShard), primary);
  TakeOver(&world, primary);
  world.Run(Millis(5000));
}

// Planned failover, then FORGET of the one before, as its refusal recommends.
TEST_P(OperatorsTest, WhoHandedOverIsForgottenAtOnce) {
  for (int64_t later = 0; later <= 60; later += 5) {
    ClusterWorld world(StoryOptions(1, 1, GetParam()));
    ASSERT_TRUE(BeginServed(&world));
    world.Command(1, cluster::FailoverCommand{cluster::ElectionKind::kPlanned});
    ASSERT_TRUE(world.RunUntil([&] { return EpochAt(world, 1).node == world.process(1).id(); },
                               Millis(3000)));
    world.Run(Millis(later));
    Forget(&world, 1, 0);
    world.Run(Millis(15000));
    EXPECT_EQ(world.Acting(kShard), 1u) << later;
    EXPECT_EQ(world.violation(), std::nullopt) << later;
  }
}

// Two shards led for good by 0 and 1; 1 is away, so 0 still decides on shard 0 after it has handed
// it over to 2. Then 0 is forgotten.
TEST_P(OperatorsTest, WhoStillDecidesIsForgotten) {
  WorldOptions options = StoryOptions(2, 1, GetParam());
  options.founders = 2;
  ClusterWorld world(options);
  world.Start();
  world.Crash(2);
  world.Crash(3);
  ASSERT_TRUE(world.RunUntil([&world] { return world.IsServed(); }, Millis(10000)));
  world.Crash(1);
  world.Restart(2);
  world.Restart(3);
  world.Run(Millis(6000));
  size_t replica = 99;
  for (const size_t n : world.NodesOf(kShard)) {
    if (n != 0) replica = n;
  }
  ASSERT_NE(replica, 99u);
  world.Command(replica, cluster::FailoverCommand{cluster::ElectionKind::kPlanned});
  ASSERT_TRUE(world.RunUntil([&] { return world.Acting(kShard) == replica; }, Millis(4000)));
  world.Run(Millis(2000));
  EXPECT_EQ(world.Acting(kShard), replica);
  Forget(&world, replica, 0);
  world.Run(Millis(10000));
  EXPECT_EQ(world.Acting(kShard), replica);
  world.Restart(1);
  world.Run(Millis(15000));
  EXPECT_EQ(world.Acting(kShard), replica);
}

// The node that takes over starts again in the middle.
TEST_P(OperatorsTest, TakeOverWithARestartInTheMiddle) {
  for (int64_t later = 0; later < 200; later += 10) {
    ClusterWorld world(StoryOptions(1, 1, GetParam()));
    ASSERT_TRUE(BeginServed(&world));
    world.Crash(0);
    world.Run(Millis(2000));
    TakeOver(&world, 1);
    world.Run(Millis(later));
    world.Crash(1);
    world.Restart(1);
    world.Run(Millis(6000));
    if (world.Acting(kShard) != 1u) TakeOver(&world, 1);
    EXPECT_TRUE(IsServedWithin(&world, kShard, Millis(6000))) << later;
    world.Restart(0);
    world.Run(Millis(6000));
    EXPECT_TRUE(world.Acting(kShard).has_value()) << later;
    EXPECT_EQ(world.violation(), std::nullopt) << later;
  }
}

// Node 1 is elected by force, and all but 0 lose their power at that moment, before 0 hears of it.
// 0 takes over at once, acknowledges writes, and the others return.
TEST_P(OperatorsTest, TakeOverAtOnceByThePrimary) {
  int lost = 0;
  int tried = 0;
  int won = 0;
  for (int64_t cut = 500; cut < 900; cut += 10) {
    for (const int64_t then : {20, 200}) {
      ClusterWorld world(StoryOptions(1, 2, GetParam()));
      ASSERT_TRUE(BeginServed(&world));
      ASSERT_EQ(world.Acting(kShard), 0u);
      Isolate(&world, 0);
      world.Command(1, cluster::FailoverCommand{cluster::ElectionKind::kForced});
      world.Run(Millis(cut));
      if (world.process(1).MayAct()) WriteTo(&world, 1, "y", 0);
      world.Run(Millis(20));
      world.Heal();
      won += EpochAt(world, 1).node == world.process(1).id() ? 1 : 0;
      world.Crash(1);
      world.Crash(2);
      world.Run(Millis(then));
      TakeOver(&world, 0);
      world.Run(Millis(800));
      if (world.Acting(kShard) != 0u || ListOf(world, 0).floor == 0) continue;
      ++tried;
      for (int i = 0; i < 5; ++i) ASSERT_TRUE(WriteTo(&world, 0, "x" + std::to_string(i), 0));
      world.Run(Millis(300));
      ASSERT_EQ(world.Acting(kShard), 0u);
      const uint64_t end = world.node(0).keyspace().end();
      world.Heal();
      world.Restart(1);
      world.Restart(2);
      world.Run(Millis(8000));
      if (world.node(0).keyspace().end() < end || world.Acting(kShard) != 0u) {
        ++lost;
      }
      EXPECT_EQ(world.violation(), std::nullopt);
    }
  }
  EXPECT_EQ(lost, 0);
  EXPECT_GT(tried, 0);
  EXPECT_GT(won, 0);
}

// 2 is cut off and forgotten; it is told to take over; then it is met again.
TEST_P(OperatorsTest, WhoTookOverWhileForgottenIsMetAgain) {
  ClusterWorld world(StoryOptions(1, 2, GetParam()));
  ASSERT_TRUE(BeginServed(&world));
  ASSERT_EQ(world.Acting(kShard), 0u);
  Isolate(&world, 2);
  Forget(&world, 0, 2);
  world.Run(Millis(3000));
  TakeOver(&world, 2);
  world.Run(Millis(3000));
  ASSERT_TRUE(WriteTo(&world, 2, "y", 0));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(WriteTo(&world, 0, "x" + std::to_string(i), 1));
  world.Run(Millis(1000));
  const uint64_t end = world.node(0).keyspace().end();
  world.Heal();
  world.Run(Millis(5000));
  EXPECT_EQ(world.Acting(kShard), 0u);
  world.Command(0, cluster::MeetCommand{world.process(2).options().config.bus_endpoint});
  world.Run(Millis(8000));
  EXPECT_EQ(world.Acting(kShard), 0u);
  EXPECT_GE(world.node(0).keyspace().end(), end);
}

// A new primary and the FORGET of it, at once.
TEST_P(OperatorsTest, WhoWinsIsForgotten) {
  for (int64_t later = 0; later <= 400; later += 20) {
    ClusterWorld world(StoryOptions(1, 2, GetParam()));
    ASSERT_TRUE(BeginServed(&world));
    world.Command(1, cluster::FailoverCommand{cluster::ElectionKind::kPlanned});
    world.Run(Millis(later));
    if (world.process(2).node().Allows(cluster::ForgetCommand{world.process(1).id()}).ok()) {
      Forget(&world, 2, 1);
    } else {
      continue;
    }
    world.Run(Millis(15000));
    EXPECT_TRUE(world.Acting(kShard).has_value()) << later;
    EXPECT_EQ(world.violation(), std::nullopt) << later;
  }
}

// FORGET and MEET over and over, of a voter, while primaries change.
TEST_P(OperatorsTest, ForgottenAndMetAgainAllTheTime) {
  for (int64_t step = 50; step <= 3000; step += 150) {
    ClusterWorld world(StoryOptions(1, 2, GetParam()));
    ASSERT_TRUE(BeginServed(&world));
    for (int i = 0; i < 8; ++i) {
      const auto acting = world.Acting(kShard);
      const size_t by = acting.value_or(0);
      const size_t whom = (by + 1 + static_cast<size_t>(i) % 2) % 3;
      Forget(&world, by, whom);
      world.Run(Millis(step));
      world.Command(by, cluster::MeetCommand{world.process(whom).options().config.bus_endpoint});
      world.Run(Millis(step));
      if (world.Acting(kShard).has_value()) {
        world.Command((*world.Acting(kShard) + 1) % 3,
                      cluster::FailoverCommand{cluster::ElectionKind::kPlanned});
      }
      world.Run(Millis(step / 2));
    }
    for (size_t by = 0; by < 3; ++by) {
      for (size_t n = 0; n < 3; ++n) {
        if (n != by)
          world.Command(by, cluster::MeetCommand{world.process(n).options().config.bus_endpoint});
      }
    }
    world.Run(Millis(20000));
    EXPECT_TRUE(world.Acting(kShard).has_value()) << step;
    EXPECT_EQ(world.violation(), std::nullopt) << step;
    for (size_t n = 0; n < 3; ++n)
      EXPECT_EQ(ListOf(world, n).voters.size(), 3u) << step << " " << n;
  }
}

// One node, whose authority is permanent, and two that join: it dies when the list of three is
// decided, before they have taken over from it. An operator must have a way on.
TEST_P(OperatorsTest, TheFirstDiesWhenThreeAreVoters) {
  int stuck = 0;
  for (int64_t later = 0; later < 60; later += 2) {
    WorldOptions options = StoryOptions(1, 2, GetParam());
    options.founders = 1;
    ClusterWorld world(options);
    world.Start();
    ASSERT_TRUE(world.RunUntil([&] { return ListOf(world, 0).voters.size() == 3; }, Millis(20000)));
    world.Run(Millis(later));
    world.Crash(0);
    world.Run(Millis(8000));
    if (world.Acting(kShard).has_value()) continue;
    EXPECT_TRUE(world.process(1).node().Allows(cluster::TakeOverCommand{}).ok());
    TakeOver(&world, 1);
    world.Run(Millis(8000));
    world.Command(2, cluster::FailoverCommand{cluster::ElectionKind::kForced});
    world.Run(Millis(8000));
    if (!world.Acting(kShard).has_value()) ++stuck;
    EXPECT_EQ(world.violation(), std::nullopt);
  }
  EXPECT_EQ(stuck, 0);
}

// Two that lead for good, and others that join: one of the two dies when the list of three is
// decided. The other loses its authority with it.
TEST_P(OperatorsTest, OneOfTwoDiesWhenThreeAreVoters) {
  int stuck = 0;
  for (const size_t dies : {0, 1}) {
    for (int64_t later = 0; later < 60; later += 2) {
      WorldOptions options = StoryOptions(2, 1, GetParam());
      options.founders = 2;
      ClusterWorld world(options);
      world.Start();
      ASSERT_TRUE(world.RunUntil(
          [&] {
            return ListOf(world, 0).voters.size() == 3 || ListOf(world, 1).voters.size() == 3;
          },
          Millis(20000)));
      world.Run(Millis(later));
      world.Crash(dies);
      world.Run(Millis(15000));
      const size_t lives = 1 - dies;
      const ShardId shard{static_cast<uint32_t>(lives)};
      if (world.Acting(shard).has_value()) continue;
      EXPECT_TRUE(world.process(lives).node().Allows(cluster::TakeOverCommand{}).ok());
      TakeOver(&world, lives);
      world.Run(Millis(8000));
      if (!world.Acting(shard).has_value()) ++stuck;
      EXPECT_EQ(world.violation(), std::nullopt);
    }
  }
  EXPECT_EQ(stuck, 0);
}

// 2 is dead and forgotten; of the two that are left one dies when the list of permanent authority
// is decided. TAKEOVER must be possible at the other.
TEST_P(OperatorsTest, TheOtherDiesWhenOneIsToLeadForGood) {
  int stuck = 0;
  for (int64_t later = 0; later < 40; later += 2) {
    ClusterWorld world(StoryOptions(1, 2, GetParam()));
    ASSERT_TRUE(BeginServed(&world));
    world.Crash(2);
    world.Run(Millis(3000));
    const size_t primary = *world.Acting(kShard);
    Forget(&world, primary, 2);
    ASSERT_TRUE(world.RunUntil(
        [&] { return !ListOf(world, 0).permanent.empty() || !ListOf(world, 1).permanent.empty(); },
        Millis(8000)));
    world.Run(Millis(later));
    world.Crash(1 - primary);
    world.Run(Millis(10000));
    if (world.Acting(kShard).has_value()) continue;
    EXPECT_TRUE(world.process(primary).node().Allows(cluster::TakeOverCommand{}).ok());
    TakeOver(&world, primary);
    world.Run(Millis(8000));
    if (!world.Acting(kShard).has_value()) ++stuck;
  }
  EXPECT_EQ(stuck, 0);
}

// Five nodes of one shard become two; and whether TAKEOVER helps.
TEST_P(OperatorsTest, ThreeOfFiveAreForgottenAtOnce) {
  ClusterWorld world(StoryOptions(1, 4, GetParam()));
  ASSERT_TRUE(BeginServed(&world));
  ASSERT_EQ(world.Acting(kShard), 0u);
  for (const size_t node : {2, 3, 4}) Forget(&world, 0, node);
  world.Run(Millis(20000));
  EXPECT_EQ(world.Acting(kShard), 0u);
  TakeOver(&world, 0);
  world.Run(Millis(8000));
  EXPECT_EQ(world.violation(), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Seeds, OperatorsTest, testing::Values(1, 2));

}  // namespace
}  // namespace larder::simulation
