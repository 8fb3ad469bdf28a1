// Behaviours 8 to 23: who leads next, and when nobody does.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/cluster/cluster_stage.h"

namespace larder::simulation {
namespace {

using cluster::ClusterEvent;
using cluster::ElectionKind;
using cluster::FailoverCommand;
using cluster::ShardId;
using Kind = ClusterEvent::Kind;

constexpr ShardId kShard{0};

class FailoverBehaviourTest : public testing::TestWithParam<uint64_t> {};

INSTANTIATE_TEST_SUITE_P(Seeds, FailoverBehaviourTest, testing::Values(1, 2, 3));

// Somebody else acts for the first shard. False: not within `most`.
bool IsReplaced(ClusterStage* stage, size_t primary, Millis most) {
  ClusterWorld& world = stage->world();
  return world.RunUntil(
      [&world, primary] {
        const std::optional<size_t> acting = world.Acting(kShard);
        return acting.has_value() && *acting != primary;
      },
      most);
}

bool BecomesWhole(ClusterStage* stage) {
  return stage->world().RunUntil([stage] { return stage->AllWhole(); }, Millis(20000));
}

TEST_P(FailoverBehaviourTest, Behaviour08TheOldPrimaryComesBackAsAReplica) {
  ClusterStage stage(StoryOptions(3, 1, GetParam()));
  ClusterWorld& world = stage.world();
  ASSERT_TRUE(stage.Begin());
  ASSERT_TRUE(stage.Write(0, "before", 1));
  world.Run(Millis(100));
  world.Crash(0);
  ASSERT_TRUE(IsReplaced(&stage, 0, Millis(2000)));
  EXPECT_EQ(world.Acting(kShard), 3u);
  ASSERT_TRUE(stage.Write(3, "after", 0));
  world.Restart(0);
  ASSERT_TRUE(BecomesWhole(&stage));
  EXPECT_EQ(world.Acting(kShard), 3u);
  EXPECT_TRUE(world.node(0).is_following());
  EXPECT_EQ(world.node(0).follows(), 3u);
  EXPECT_NE(world.node(0).keyspace().Find("before"), nullptr);
  EXPECT_NE(world.node(0).keyspace().Find("after"), nullptr);
  EXPECT_EQ(world.violation(), std::nullopt);
}

TEST_P(FailoverBehaviourTest, Behaviour09KillsInALoopUnderLoadTakeNothingBack) {
  ClusterStage stage(StoryOptions(3, 2, GetParam()));
  ClusterWorld& world = stage.world();
  ASSERT_TRUE(stage.Begin());
  stage.Load(kShard, Millis(10), 1);
  storage::Random random(GetParam());
  std::map<size_t, cluster::Epoch> epochs;
  const uint64_t before = world.acknowledged();
  for (int round = 0; round < 20; ++round) {
    const std::optional<size_t> acting = world.Acting(kShard);
    ASSERT_TRUE(acting.has_value());
    world.Crash(*acting);
    world.Run(Millis(100 + random.Below(3000)));
    world.Restart(*acting);
    ASSERT_TRUE(world.RunUntil([&world] { return world.IsServed(); }, Millis(10000)));
    world.Run(Millis(random.Below(2000)));
    ASSERT_TRUE(world.RunUntil([&world] { return world.IsServed(); }, Millis(10000)));
    for (size_t node = 0; node < world.size(); ++node) {
      const cluster::Epoch& epoch = stage.TableOf(node).shards().at(kShard).value.epoch;
      EXPECT_GE(epoch, epochs[node]) << node;
      epochs[node] = epoch;
    }
  }
  EXPECT_TRUE(world.RunUntil([&stage] { return stage.AllAgree() && stage.IsWhole(kShard); },
                             Millis(30000)));
  EXPECT_GT(world.acknowledged(), before + 500);
  EXPECT_GE(epochs[0].term, 10u);
  EXPECT_EQ(world.violation(), std::nullopt);
}

TEST_P(FailoverBehaviourTest, Behaviour10TwoPrimariesOfAShardDieInTurn) {
  ClusterStage stage(StoryOptions(3, 2, GetParam()));
  ClusterWorld& world = stage.world();
  ASSERT_TRUE(stage.Begin());
  ASSERT_TRUE(stage.Write(0, "w", 2));
  world.Run(Millis(100));
  world.Crash(0);
  ASSERT_TRUE(IsReplaced(&stage, 0, Millis(3000)));
  const size_t second = *world.Acting(kShard);
  world.Crash(second);
  ASSERT_TRUE(IsReplaced(&stage, second, Millis(5000)));
  EXPECT_NE(world.node(*world.Acting(kShard)).keyspace().Find("w"), nullptr);
  world.Restart(0);
  world.Restart(second);
  EXPECT_TRUE(BecomesWhole(&stage));
  EXPECT_EQ(world.violation(), std::nullopt);
}

TEST_P(FailoverBehaviourTest, Behaviour11TheHighestPositionWins) {
  for (const size_t behind : {3u, 6u}) {
    ClusterStage stage(StoryOptions(3, 2, GetParam()));
    ClusterWorld& world = stage.world();
    ASSERT_TRUE(stage.Begin());
    stage.BlockBoth(0, behind);
    ASSERT_TRUE(stage.Write(0, "w", 1));
    world.Run(Millis(400));
    world.Crash(0);
    world.Heal();
    ASSERT_TRUE(IsReplaced(&stage, 0, Millis(5000)));
    EXPECT_EQ(world.Acting(kShard), behind == 3 ? 6u : 3u);
    EXPECT_NE(world.node(*world.Acting(kShard)).keyspace().Find("w"), nullptr);
    EXPECT_EQ(world.violation(), std::nullopt);
  }
}

TEST_P(FailoverBehaviourTest, Behaviour11EqualPositionsNeverTie) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    ClusterStage stage(StoryOptions(3, 3, GetParam() * 100 + seed));
    ClusterWorld& world = stage.world();
    ASSERT_TRUE(stage.Begin());
    const Millis from = stage.now();
    world.Crash(0);
    ASSERT_TRUE(IsReplaced(&stage, 0, Millis(3000)));
    world.Run(Millis(2000));
    EXPECT_EQ(stage.Count(Kind::kElectionStarted, from), 1u);
    EXPECT_EQ(stage.Count(Kind::kElectionLost, from), 0u);
  }
}

// Who was emptied does not lead, though the only other one may not stand.
TEST_P(FailoverBehaviourTest, Behaviour12AnEmptyReplicaDoesNotStandBesideData) {
  constexpr size_t kEmpty = 3;
  constexpr size_t kHolder = 6;
  WorldOptions options = StoryOptions(3, 2, GetParam());
  options.no_failover = [](size_t node) { return node == kHolder; };
  ClusterStage stage(options);
  ClusterWorld& world = stage.world();
  ASSERT_TRUE(stage.Begin());
  ASSERT_TRUE(stage.Write(0, "w", 2));
  world.Run(Millis(100));
  world.data(kEmpty).set_loss(SimulatedNode::Loss::kAll);
  world.Crash(kEmpty);
  stage.BlockBoth(0, kEmpty);
  world.Restart(kEmpty);
  world.Run(Millis(500));
  world.Crash(0);
  EXPECT_FALSE(
      world.RunUntil([&world] { return world.Acting(kShard).has_value(); }, Millis(20000)));
  world.Heal();
  world.Restart(0);
  ASSERT_TRUE(BecomesWhole(&stage));
  EXPECT_EQ(world.Acting(kShard), 0u);
  EXPECT_NE(world.node(kEmpty).keyspace().Find("w"), nullptr);
  EXPECT_EQ(world.violation(), std::nullopt);
}

TEST_P(FailoverBehaviourTest, Behaviour13HalfOfThePrimariesLessOneAtOnce) {
  constexpr uint32_t kShards = 16;
  for (const bool is_silent : {false, true}) {
    WorldOptions options = StoryOptions(kShards, 1, GetParam());
    options.has_data = false;
    ClusterStage stage(options);
    ClusterWorld& world = stage.world();
    ASSERT_TRUE(stage.Begin());
    const Millis from = stage.now();
    // Three of the seven voters, and four others.
    const std::vector<size_t> lost = {0, 2, 4, 8, 10, 12, 14};
    for (const size_t node : lost) {
      if (is_silent) {
        stage.Isolate(node);
      } else {
        world.Crash(node);
      }
    }
    const auto all_replaced = [&] {
      return std::all_of(lost.begin(), lost.end(), [&](size_t node) {
        return world.Acting(ShardId(static_cast<uint32_t>(node))) == node + kShards;
      });
    };
    EXPECT_TRUE(world.RunUntil(all_replaced, Millis(2000))) << is_silent;
    size_t started = 0;
    size_t given_up = 0;
    for (const size_t node : lost) {
      started += stage.Count(Kind::kElectionStarted, from, node + kShards);
      given_up += stage.Count(Kind::kElectionLost, from, node + kShards);
    }
    EXPECT_EQ(started, lost.size()) << is_silent;
    EXPECT_EQ(given_up, 0u) << is_silent;
    EXPECT_EQ(world.violation(), std::nullopt);
  }
}

TEST_P(FailoverBehaviourTest, Behaviour14ASoleReplicaStandsAtOnce) {
  ClusterStage stage(StoryOptions(3, 1, GetParam()));
  ASSERT_TRUE(stage.Begin());
  const Millis from = stage.now();
  stage.Isolate(0);
  ASSERT_TRUE(IsReplaced(&stage, 0, Millis(3000)));
  const auto* const failed = stage.First(Kind::kFailed, from, 3);
  const auto* const stood = stage.First(Kind::kElectionStarted, from, 3);
  ASSERT_TRUE(failed != nullptr && stood != nullptr);
  EXPECT_EQ(stood->at, failed->at);
}

// The one that has more may not stand, so the other's attempts are hopeless.
TEST_P(FailoverBehaviourTest, Behaviour15HopelessElectionsEndAtOnceAndComeSeldom) {
  constexpr size_t kBehind = 3;
  constexpr size_t kAhead = 6;
  WorldOptions options = StoryOptions(3, 2, GetParam());
  options.no_failover = [](size_t node) { return node == kAhead; };
  ClusterStage stage(options);
  ClusterWorld& world = stage.world();
  ASSERT_TRUE(stage.Begin());
  stage.BlockBoth(0, kBehind);
  ASSERT_TRUE(stage.Write(0, "w", 1));
  world.Run(Millis(200));
  world.Crash(0);
  world.Heal();
  const Millis from = stage.now();
  world.Run(Millis(30000));
  EXPECT_FALSE(world.Acting(kShard).has_value());
  const size_t begun = stage.Count(Kind::kElectionStarted, from, kBehind);
  EXPECT_GE(begun, 5u);
  EXPECT_LE(begun, 40u);
  std::optional<Millis> begins;
  for (const auto& seen : stage.seen()) {
    if (seen.node != kBehind || seen.at < from) continue;
    if (seen.event.kind == Kind::kElectionStarted) begins = seen.at;
    if (seen.event.kind == Kind::kElectionLost) {
      ASSERT_TRUE(begins.has_value());
      EXPECT_LE(seen.at - *begins, Millis(100)) << seen.event.detail;
    }
  }
  EXPECT_GE(stage.Count(Kind::kElectionLost, from, kBehind) + 1, begun);
  world.Restart(0);
  EXPECT_TRUE(BecomesWhole(&stage));
  EXPECT_EQ(world.violation(), std::nullopt);
}

// Not when the others ask it to, either, since it has more than they.
TEST_P(FailoverBehaviourTest, Behaviour16NoFailoverNeverStands) {
  constexpr size_t kOther = 3;
  constexpr size_t kNever = 6;
  for (const bool is_ahead : {false, true}) {
    WorldOptions options = StoryOptions(3, 2, GetParam());
    options.no_failover = [](size_t node) { return node == kNever; };
    ClusterStage stage(options);
    ClusterWorld& world = stage.world();
    ASSERT_TRUE(stage.Begin());
    const Millis from = stage.now();
    if (is_ahead) stage.BlockBoth(0, kOther);
    ASSERT_TRUE(stage.Write(0, "w", 1));
    world.Run(Millis(200));
    world.Crash(0);
    world.Heal();
    if (!is_ahead) {
      ASSERT_TRUE(IsReplaced(&stage, 0, Millis(5000)));
      EXPECT_EQ(world.Acting(kShard), kOther);
      world.Crash(kOther);
    }
    world.Run(Millis(20000));
    EXPECT_FALSE(world.Acting(kShard).has_value());
    EXPECT_EQ(stage.Count(Kind::kElectionStarted, from, kNever), 0u) << is_ahead;
    // An operator's word is another matter; it may meet an attempt of the other.
    bool leads = false;
    for (int i = 0; i < 5 && !leads; ++i) {
      world.Command(kNever, FailoverCommand{ElectionKind::kForced});
      leads = world.RunUntil([&] { return world.Acting(kShard) == kNever; }, Millis(2000));
    }
    EXPECT_TRUE(leads) << is_ahead;
    EXPECT_EQ(world.violation(), std::nullopt);
  }
}

TEST_P(FailoverBehaviourTest, Behaviour17PlannedFailoverUnderLoad) {
  ClusterStage stage(StoryOptions(3, 1, GetParam()));
  ClusterWorld& world = stage.world();
  ASSERT_TRUE(stage.Begin());
  stage.Load(kShard, Millis(10), 1);
  world.Run(Millis(2000));
  stage.TakeLongestGap();
  const Millis from = stage.now();
  const uint64_t taken = stage.writes_taken();
  const uint64_t acknowledged = world.acknowledged();
  world.Command(3, FailoverCommand{ElectionKind::kPlanned});
  ASSERT_TRUE(IsReplaced(&stage, 0, Millis(2000)));
  world.Run(Millis(3000));
  EXPECT_LT(stage.TakeLongestGap(), Millis(200));
  EXPECT_GT(stage.writes_taken(), taken + 250);
  EXPECT_GT(world.acknowledged(), acknowledged + 250);
  EXPECT_EQ(stage.Count(Kind::kFailed, from), 0u);
  EXPECT_EQ(stage.Count(Kind::kElectionLost, from), 0u);
  EXPECT_EQ(world.violation(), std::nullopt);
}

// The successor is not heard any more once the writes are held: they go on, and FORCE works.
TEST_P(FailoverBehaviourTest, Behaviour17PlannedFailoverThatHangsEndsAndForceWorks) {
  ClusterStage stage(StoryOptions(3, 1, GetParam()));
  ClusterWorld& world = stage.world();
  ASSERT_TRUE(stage.Begin());
  stage.Load(kShard, Millis(5), 1);
  world.Run(Millis(1000));
  stage.TakeLongestGap();
  world.Command(3, FailoverCommand{ElectionKind::kPlanned});
  ASSERT_TRUE(world.RunUntil([&world] { return world.node(0).holds_writes(); }, Millis(1000)));
  stage.BlockBoth(0, 3);
  world.Run(Millis(5000));
  EXPECT_EQ(world.Acting(kShard), 0u);
  EXPECT_FALSE(world.node(0).holds_writes());
  const Millis gap = stage.TakeLongestGap();
  EXPECT_GT(gap, Millis(100));
  EXPECT_LE(gap, Millis(600));
  world.Command(3, FailoverCommand{ElectionKind::kForced});
  ASSERT_TRUE(IsReplaced(&stage, 0, Millis(2000)));
  EXPECT_EQ(world.Acting(kShard), 3u);
  world.Heal();
  EXPECT_TRUE(world.RunUntil([&] { return stage.AllAgree() && world.node(0).is_following(); },
                             Millis(10000)));
  EXPECT_EQ(world.violation(), std::nullopt);
}

// Its disk hangs, so it can never say "go".
TEST_P(FailoverBehaviourTest, Behaviour17ForceWorksWhereThePrimarysDiskHangs) {
  ClusterStage stage(StoryOptions(3, 1, GetParam()));
  ClusterWorld& world = stage.world();
  ASSERT_TRUE(stage.Begin());
  world.process(0).set_disk_hangs(true);
  world.Command(3, FailoverCommand{ElectionKind::kPlanned});
  EXPECT_FALSE(IsReplaced(&stage, 0, Millis(5000)));
  world.Command(3, FailoverCommand{ElectionKind::kForced});
  ASSERT_TRUE(IsReplaced(&stage, 0, Millis(3000)));
  world.process(0).set_disk_hangs(false);
  EXPECT_TRUE(BecomesWhole(&stage));
  EXPECT_EQ(world.Acting(kShard), 3u);
  EXPECT_EQ(world.violation(), std::nullopt);
}

TEST_P(FailoverBehaviourTest, Behaviour19WhoIsToEndHandsOverBefore) {
  ClusterStage stage(StoryOptions(3, 2, GetParam()));
  ClusterWorld& world = stage.world();
  ASSERT_TRUE(stage.Begin());
  stage.Load(kShard, Millis(10), 1);
  world.Run(Millis(1000));
  stage.TakeLongestGap();
  world.Command(6, FailoverCommand{ElectionKind::kPlanned});
  ASSERT_TRUE(IsReplaced(&stage, 0, Millis(1000)));
  EXPECT_EQ(world.Acting(kShard), 6u);
  world.Crash(0);
  world.Run(Millis(5000));
  EXPECT_LT(stage.TakeLongestGap(), Millis(200));
  EXPECT_EQ(world.Acting(kShard), 6u);
  EXPECT_EQ(world.violation(), std::nullopt);
}

TEST_P(FailoverBehaviourTest, Behaviour20APrimaryThatMissedChangesIsCorrected) {
  ClusterStage stage(StoryOptions(3, 1, GetParam()));
  ClusterWorld& world = stage.world();
  ASSERT_TRUE(stage.Begin());
  stage.Isolate(0);
  // Taken on the wrong side, and never acknowledged.
  ASSERT_TRUE(stage.Write(0, "lost", 1));
  ASSERT_TRUE(IsReplaced(&stage, 0, Millis(3000)));
  EXPECT_FALSE(stage.Write(0, "refused", 0));
  world.Command(4, FailoverCommand{ElectionKind::kPlanned});
  world.Run(Millis(3000));
  EXPECT_EQ(world.Acting(ShardId(1)), 4u);
  EXPECT_EQ(stage.TableOf(0).shards().at(kShard).value.primary(), world.process(0).id());
  EXPECT_FALSE(stage.AllAgree());
  ASSERT_TRUE(stage.Write(3, "kept", 0));
  world.Heal();
  ASSERT_TRUE(BecomesWhole(&stage));
  EXPECT_TRUE(world.RunUntil([&stage] { return stage.AllAgree(); }, Millis(5000)));
  EXPECT_EQ(world.node(0).follows(), 3u);
  EXPECT_EQ(world.node(0).keyspace().Find("lost"), nullptr);
  EXPECT_NE(world.node(0).keyspace().Find("kept"), nullptr);
  EXPECT_EQ(world.violation(), std::nullopt);
}

TEST_P(FailoverBehaviourTest, Behaviour22OneShardOfThreeNodesFailsOver) {
  ClusterStage stage(StoryOptions(1, 2, GetParam()));
  ClusterWorld& world = stage.world();
  ASSERT_TRUE(stage.Begin());
  ASSERT_TRUE(stage.Write(0, "w", 1));
  world.Run(Millis(100));
  for (int round = 0; round < 5; ++round) {
    const size_t primary = *world.Acting(kShard);
    world.Crash(primary);
    ASSERT_TRUE(IsReplaced(&stage, primary, Millis(3000)));
    EXPECT_NE(world.node(*world.Acting(kShard)).keyspace().Find("w"), nullptr);
    world.Restart(primary);
    ASSERT_TRUE(BecomesWhole(&stage));
    world.Run(Millis(3000));
  }
  EXPECT_EQ(world.violation(), std::nullopt);
}

// That no two act at any time is looked at with every step of the world.
TEST_P(FailoverBehaviourTest, Behaviour23OneWayFlappingAndStoppedThenItConverges) {
  const auto converges = [](ClusterStage* stage) {
    stage->world().Heal();
    return stage->world().RunUntil([stage] { return stage->AllWhole() && stage->AllAgree(); },
                                   Millis(20000));
  };
  for (const bool hears : {false, true}) {
    ClusterStage stage(StoryOptions(3, 1, GetParam()));
    ClusterWorld& world = stage.world();
    ASSERT_TRUE(stage.Begin());
    for (size_t other = 1; other < world.size(); ++other) {
      if (hears) world.Block(0, other);
      if (!hears) world.Block(other, 0);
    }
    ASSERT_TRUE(IsReplaced(&stage, 0, Millis(5000))) << hears;
    world.Run(Millis(3000));
    EXPECT_TRUE(converges(&stage)) << hears;
    EXPECT_EQ(world.violation(), std::nullopt);
  }
  for (const int flap_ms : {200, 700, 1500}) {
    ClusterStage stage(StoryOptions(3, 1, GetParam()));
    ClusterWorld& world = stage.world();
    ASSERT_TRUE(stage.Begin());
    for (int i = 0; i < 20; ++i) {
      stage.Isolate(0);
      world.Run(Millis(flap_ms));
      world.Heal();
      world.Run(Millis(flap_ms));
    }
    EXPECT_TRUE(converges(&stage)) << flap_ms;
    EXPECT_EQ(world.violation(), std::nullopt);
  }
  ClusterStage stage(StoryOptions(3, 1, GetParam()));
  ClusterWorld& world = stage.world();
  ASSERT_TRUE(stage.Begin());
  world.process(0).Pause();
  world.Run(Millis(5000));
  EXPECT_EQ(world.Acting(kShard), 3u);
  world.process(0).Resume();
  EXPECT_FALSE(world.process(0).MayAct());
  EXPECT_TRUE(converges(&stage));
  EXPECT_EQ(world.Acting(kShard), 3u);
  EXPECT_EQ(world.violation(), std::nullopt);
}

}  // namespace
}  // namespace larder::simulation
