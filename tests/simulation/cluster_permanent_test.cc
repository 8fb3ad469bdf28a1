// Clusters of one and two nodes, whose primaries lead for good; how they grow and shrink; TAKEOVER.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "tests/simulation/cluster/cluster_world.h"
#include "tests/simulation/cluster/story.h"

namespace larder::simulation {
namespace {

using cluster::ShardId;

constexpr ShardId kShard{0};

class PermanentTest : public testing::TestWithParam<uint64_t> {
 protected:
  // It leads, and all others have what it has.
  static bool AreAlike(ClusterWorld* world, size_t leader) {
    return world->RunUntil(
        [world, leader] {
          if (world->Acting(kShard) != leader) return false;
          for (const size_t node : world->NodesOf(kShard)) {
            if (node == leader) continue;
            if (!world->process(node).is_running() || !world->node(node).is_following() ||
                world->node(node).keyspace().digest() != world->node(leader).keyspace().digest()) {
              return false;
            }
          }
          return true;
        },
        Millis(20000));
  }
};

TEST_P(PermanentTest, OneNodeIsAClusterAndGoesOnAfterARestart) {
  ClusterWorld world(StoryOptions(1, 0, GetParam()));
  ASSERT_TRUE(BeginServed(&world));
  EXPECT_FALSE(ListOf(world, 0).permanent.empty());
  ASSERT_TRUE(WriteTo(&world, 0, "w", 0));
  const uint64_t end = world.node(0).keyspace().end();
  world.Crash(0);
  world.Restart(0);
  EXPECT_TRUE(IsServedWithin(&world, kShard, Millis(2000)));
  EXPECT_EQ(world.node(0).keyspace().end(), end);
  EXPECT_EQ(world.violation(), std::nullopt);
}

TEST_P(PermanentTest, OneNodeFoundsACluster) {
  WorldOptions options = StoryOptions(1, 0, GetParam());
  options.is_founded = false;
  ClusterWorld world(options);
  EXPECT_TRUE(BeginServed(&world));
}

TEST_P(PermanentTest, TwoPrimariesDoNotNeedEachOther) {
  ClusterWorld world(StoryOptions(2, 0, GetParam()));
  ASSERT_TRUE(BeginServed(&world));
  world.Crash(0);
  bool was_always_served = true;
  world.RunUntil([&] { return !(was_always_served &= world.process(1).MayAct()); }, Millis(20000));
  EXPECT_TRUE(was_always_served);
  EXPECT_FALSE(world.Acting(kShard).has_value());
  world.Restart(0);
  EXPECT_TRUE(IsServedWithin(&world, kShard, Millis(3000)));
  EXPECT_EQ(world.violation(), std::nullopt);
}

// A third node asks the two for a list with it; one accepts, and the other is gone: the first goes
// on leading.
TEST_P(PermanentTest, AListThatCannotBeDecidedTakesNobodysAuthority) {
  WorldOptions options = StoryOptions(2, 1, GetParam());
  options.founders = 2;
  ClusterWorld world(options);
  world.Start();
  world.Crash(2);
  world.Crash(3);
  ASSERT_TRUE(world.RunUntil([&world] { return world.IsServed(); }, Millis(10000)));
  world.Crash(0);
  world.Restart(2);
  world.Restart(3);
  world.Run(Millis(6000));
  const uint64_t before = world.acknowledged();
  ASSERT_TRUE(WriteTo(&world, 1, "w", 1));
  world.Run(Millis(200));
  EXPECT_EQ(world.acknowledged(), before + 1);
  EXPECT_FALSE(ListOf(world, 1).permanent.empty());
  world.Restart(0);
  EXPECT_TRUE(world.RunUntil([&] { return ListOf(world, 1).voters.size() == 3; }, Millis(20000)));
  EXPECT_TRUE(world.RunUntil([&world] { return world.IsServed(); }, Millis(10000)));
  EXPECT_EQ(world.violation(), std::nullopt);
}

TEST_P(PermanentTest, OfTwoNodesNoneFailsOverByItself) {
  ClusterWorld world(StoryOptions(1, 1, GetParam()));
  ASSERT_TRUE(BeginServed(&world));
  world.Crash(0);
  EXPECT_FALSE(IsServedWithin(&world, kShard, Millis(20000)));
  world.Restart(0);
  EXPECT_TRUE(AreAlike(&world, 0));
  EXPECT_EQ(world.violation(), std::nullopt);
}

TEST_P(PermanentTest, OfTwoNodesTheOtherTakesOverWhenTold) {
  ClusterWorld world(StoryOptions(1, 1, GetParam()));
  ASSERT_TRUE(BeginServed(&world));
  TakeOver(&world, 1);  // refused: the voter is there
  world.Run(Millis(3000));
  EXPECT_EQ(world.Acting(kShard), 0u);
  ASSERT_TRUE(WriteTo(&world, 0, "w", 1));
  world.Run(Millis(100));
  world.Crash(0);
  world.Run(Millis(2000));
  TakeOver(&world, 1);
  ASSERT_TRUE(IsServedWithin(&world, kShard, Millis(4000)));
  ASSERT_TRUE(WriteTo(&world, 1, "x", 0));
  world.Restart(0);
  EXPECT_TRUE(AreAlike(&world, 1));
  EXPECT_EQ(ListOf(world, 0), ListOf(world, 1));
  EXPECT_EQ(world.violation(), std::nullopt);
}

// epochs_without_a_vote: the primary, cut off, begins again and again under higher epochs; the
// other takes over, which it knows nothing of, and is not wiped when the first returns.
TEST_P(PermanentTest, EpochsWithoutAVote) {
  ClusterWorld world(StoryOptions(1, 1, GetParam()));
  ASSERT_TRUE(BeginServed(&world));
  Isolate(&world, 1);
  for (int i = 0; i < 4; ++i) {
    world.Crash(0);
    world.Restart(0);
    world.Run(Millis(2500));
  }
  const cluster::Epoch looped = world.process(0).node().core().OwnRegister()->epoch;
  EXPECT_GT(looped.term, 3u);
  world.Crash(0);
  TakeOver(&world, 1);
  ASSERT_TRUE(IsServedWithin(&world, kShard, Millis(4000)));
  EXPECT_GT(world.process(1).node().core().OwnRegister()->epoch, looped);
  ASSERT_TRUE(WriteTo(&world, 1, "x", 0));
  world.Restart(0);
  world.Heal();
  EXPECT_TRUE(AreAlike(&world, 1));
  EXPECT_EQ(world.violation(), std::nullopt);
}

// The replica has what the primary's disk has lost: it is asked first, and leads.
TEST_P(PermanentTest, RestartedPrimaryLetsTheAheadLead) {
  ClusterWorld world(StoryOptions(1, 1, GetParam()));
  ASSERT_TRUE(BeginServed(&world));
  world.Run(Millis(2000));
  ASSERT_TRUE(WriteTo(&world, 0, "w", 1));
  world.Run(Millis(100));
  const uint64_t end = world.node(0).keyspace().end();
  world.data(0).set_loss(SimulatedNode::Loss::kTail);
  world.Crash(0);
  world.Restart(0);
  ASSERT_TRUE(IsServedWithin(&world, kShard, Millis(5000)));
  EXPECT_GE(world.node(*world.Acting(kShard)).keyspace().end(), end);
  EXPECT_EQ(world.violation(), std::nullopt);
}

// go_forgotten: when the one that handed over is gone, the successor goes on; and when it returns,
// it does not lead.
TEST_P(PermanentTest, AHandOverIsForGood) {
  ClusterWorld world(StoryOptions(1, 1, GetParam()));
  ASSERT_TRUE(BeginServed(&world));
  world.Command(1, cluster::FailoverCommand{cluster::ElectionKind::kPlanned});
  ASSERT_TRUE(world.RunUntil([&world] { return world.Acting(kShard) == 1u; }, Millis(3000)));
  ASSERT_TRUE(world.RunUntil([&] { return ListOf(world, 1).Of(kShard).Has(world.process(1).id()); },
                             Millis(1000)));
  world.Run(Millis(100));
  world.Crash(0);
  world.Run(Millis(5000));
  EXPECT_EQ(world.Acting(kShard), 1u);
  world.Restart(0);
  EXPECT_TRUE(AreAlike(&world, 1));
  EXPECT_EQ(world.violation(), std::nullopt);
}

// third_node_and_go: a third node comes while the primary hands over to the second, which does not
// hear of the list with the three; wherever it is cut off, only one leads.
TEST_P(PermanentTest, ThirdNodeAndGo) {
  for (int64_t cut = 0; cut < 400; cut += 10) {
    WorldOptions options = StoryOptions(1, 2, GetParam());
    options.founders = 2;
    ClusterWorld world(options);
    world.Start();
    world.Crash(2);
    ASSERT_TRUE(world.RunUntil([&world] { return world.IsServed(); }, Millis(10000)));
    world.Run(Millis(2000));
    world.Restart(2);
    // It is a member soon, and takes its place a node timeout later.
    world.Run(Millis(900 + cut));
    world.Command(1, cluster::FailoverCommand{cluster::ElectionKind::kPlanned});
    world.Run(Millis(5 + cut / 4));
    Isolate(&world, 1);
    world.Run(Millis(8000));
    ASSERT_EQ(world.violation(), std::nullopt) << "cut off after " << cut << " ms";
    world.Heal();
    ASSERT_TRUE(IsServedWithin(&world, kShard, Millis(10000))) << "cut off after " << cut << " ms";
    EXPECT_TRUE(
        world.RunUntil([&world] { return ListOf(world, 1).voters.size() == 3; }, Millis(20000)));
    ASSERT_EQ(world.violation(), std::nullopt);
  }
}

// Behaviour 22: with its third node a cluster of one shard fails over by itself.
TEST_P(PermanentTest, TheThirdNodeTurnsElectionsOn) {
  WorldOptions options = StoryOptions(1, 2, GetParam());
  options.founders = 1;
  ClusterWorld world(options);
  ASSERT_TRUE(BeginServed(&world));
  ASSERT_TRUE(
      world.RunUntil([&world] { return ListOf(world, 0).voters.size() == 3; }, Millis(10000)));
  world.Run(Millis(2000));
  const size_t primary = *world.Acting(kShard);
  world.Crash(primary);
  ASSERT_TRUE(IsServedWithin(&world, kShard, Millis(2000)));
  EXPECT_NE(world.Acting(kShard), primary);
  EXPECT_EQ(world.violation(), std::nullopt);
}

TEST_P(PermanentTest, WithoutItsThirdNodeAShardIsLedForGood) {
  ClusterWorld world(StoryOptions(1, 2, GetParam()));
  ASSERT_TRUE(BeginServed(&world));
  world.Crash(2);
  world.Run(Millis(2000));
  EXPECT_EQ(ListOf(world, 0).voters.size(), 3u);
  Forget(&world, 1, 2);
  ASSERT_TRUE(
      world.RunUntil([&world] { return !ListOf(world, 0).permanent.empty(); }, Millis(5000)));
  ASSERT_TRUE(IsServedWithin(&world, kShard, Millis(3000)));
  const size_t primary = *world.Acting(kShard);
  // Until it has taken over what the three had agreed on, it needs two of them.
  world.Run(Millis(100));
  world.Crash(1 - primary);
  world.Run(Millis(5000));
  EXPECT_EQ(world.Acting(kShard), primary);
  EXPECT_EQ(world.violation(), std::nullopt);
}

// list_shrinks_under_a_vote: one of three nodes is elected while the others go over to a list in
// which the one before leads for good. At every moment of it.
TEST_P(PermanentTest, ListShrinksUnderAVote) {
  for (int64_t later = 0; later < 1300; later += 25) {
    ClusterWorld world(StoryOptions(1, 2, GetParam()));
    ASSERT_TRUE(BeginServed(&world));
    BlockBoth(&world, 0, 1);
    Forget(&world, 0, 2);
    world.Run(Millis(later));
    world.Command(1, cluster::FailoverCommand{cluster::ElectionKind::kForced});
    world.Run(Millis(6000));
    ASSERT_EQ(world.violation(), std::nullopt) << "forced after " << later << " ms";
    world.Heal();
    world.Run(Millis(6000));
    ASSERT_EQ(world.violation(), std::nullopt) << "forced after " << later << " ms";
  }
}

// Behaviour 18: two of three voters are lost with two shards' primaries. One replica is told; the
// other shard goes on by itself.
TEST_P(PermanentTest, TakeOverWhereAMajorityIsLost) {
  ClusterWorld world(StoryOptions(3, 1, GetParam()));
  ASSERT_TRUE(BeginServed(&world));
  const size_t zero = *world.Acting(ShardId(0));
  const size_t one = *world.Acting(ShardId(1));
  world.Crash(zero);
  world.Crash(one);
  EXPECT_FALSE(IsServedWithin(&world, kShard, Millis(10000)));
  EXPECT_FALSE(world.Acting(ShardId(1)).has_value());
  const std::vector<size_t>& nodes = world.NodesOf(kShard);
  TakeOver(&world, *std::find_if(nodes.begin(), nodes.end(), [&](size_t n) { return n != zero; }));
  EXPECT_TRUE(world.RunUntil([&world] { return world.IsServed(); }, Millis(8000)));
  world.Restart(zero);
  world.Restart(one);
  const auto has_three = [&world](size_t node) { return ListOf(world, node).voters.size() == 3; };
  EXPECT_TRUE(world.RunUntil(
      [&] {
        return world.IsServed() && has_three(zero) && ListOf(world, zero) == ListOf(world, one);
      },
      Millis(20000)));
  EXPECT_TRUE(AreAlike(&world, *world.Acting(kShard)));
  EXPECT_EQ(world.violation(), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Seeds, PermanentTest, testing::Values(1, 2, 3));

}  // namespace
}  // namespace larder::simulation
