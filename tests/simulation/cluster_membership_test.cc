// MEET and FORGET: who is of a cluster by an operator's word.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "tests/simulation/cluster/cluster_world.h"
#include "tests/simulation/cluster/story.h"

namespace larder::simulation {
namespace {

using cluster::ForgetCommand;
using cluster::MeetCommand;
using cluster::Member;

class MembershipTest : public testing::TestWithParam<uint64_t> {
 protected:
  static const Member* RecordOf(const ClusterWorld& world, size_t by, size_t of) {
    return world.process(by).node().core().table.Find(world.process(of).id());
  }
  static bool AllHold(const ClusterWorld& world, size_t of, bool is_forgotten) {
    for (size_t node = 0; node < world.size(); ++node) {
      const Member* const record = RecordOf(world, node, of);
      if (record == nullptr || record->is_forgotten != is_forgotten) return false;
    }
    return true;
  }
  static void Meet(ClusterWorld* world, size_t by, size_t node) {
    world->Command(by, MeetCommand{world->process(node).options().config.bus_endpoint});
  }
  static absl::Status Allows(const ClusterWorld& world, size_t by, const cluster::NodeId& node) {
    return world.process(by).node().Allows(ForgetCommand{node});
  }
};

TEST_P(MembershipTest, WhoIsForgottenHearsOfItAndStaysAway) {
  ClusterWorld world(StoryOptions(3, 1, GetParam()));
  ASSERT_TRUE(BeginServed(&world));
  const size_t replica = 5;
  ASSERT_NE(world.Acting(cluster::ShardId(2)), replica);
  world.Command(0, ForgetCommand{world.process(replica).id()});
  ASSERT_TRUE(world.RunUntil([&] { return AllHold(world, replica, true); }, Millis(5000)));
  // Nor does a restart bring it back, or the end of its primary.
  world.Crash(replica);
  world.Restart(replica);
  world.Crash(2);
  world.Run(Millis(10000));
  world.Restart(2);
  world.Run(Millis(3000));
  EXPECT_TRUE(AllHold(world, replica, true));
  EXPECT_FALSE(world.process(replica).MayAct());
  EXPECT_EQ(world.Acting(cluster::ShardId(2)), 2u);
  const auto& able = world.process(2).node().core().OwnRegister()->able;
  EXPECT_EQ(std::find(able.begin(), able.end(), world.process(replica).id()), able.end());
  EXPECT_EQ(world.violation(), std::nullopt);
}

// Behaviour 2: MEET succeeds although the target does not hear the first ones; repeats are
// harmless.
TEST_P(MembershipTest, AnOperatorLetsAForgottenNodeInAgain) {
  ClusterWorld world(StoryOptions(3, 1, GetParam()));
  ASSERT_TRUE(BeginServed(&world));
  world.Command(1, ForgetCommand{world.process(5).id()});
  ASSERT_TRUE(world.RunUntil([&] { return AllHold(world, 5, true); }, Millis(5000)));
  Isolate(&world, 5);
  Meet(&world, 0, 5);
  Meet(&world, 0, 5);
  world.Run(Millis(3000));
  EXPECT_TRUE(RecordOf(world, 0, 5)->is_forgotten);
  world.Heal();
  ASSERT_TRUE(world.RunUntil([&] { return AllHold(world, 5, false); }, Millis(5000)));
  const uint64_t admissions = RecordOf(world, 0, 5)->admissions;
  EXPECT_EQ(admissions, 1u);
  Meet(&world, 2, 5);
  world.Run(Millis(3000));
  EXPECT_EQ(RecordOf(world, 0, 5)->admissions, admissions);
  // And it is a replica as before.
  const auto is_able = [&world] {
    return world.process(2).node().core().OwnRegister()->IsAble(world.process(5).id());
  };
  EXPECT_TRUE(world.RunUntil(is_able, Millis(10000)));
  EXPECT_EQ(world.violation(), std::nullopt);
}

TEST_P(MembershipTest, AForgottenVoterIsReplaced) {
  ClusterWorld world(StoryOptions(1, 3, GetParam()));
  ASSERT_TRUE(BeginServed(&world));
  const size_t acting = *world.Acting(cluster::ShardId(0));
  const auto list = [&world, acting] { return world.process(acting).node().core().table.voters(); };
  cluster::NodeId voter;
  for (const cluster::NodeId& node : list().voters) {
    if (node != world.process(acting).id()) voter = node;
  }
  world.Command(acting, ForgetCommand{voter});
  EXPECT_TRUE(world.RunUntil([&] { return !list().Has(voter) && list().voters.size() == 3; },
                             Millis(10000)));
  EXPECT_EQ(world.Acting(cluster::ShardId(0)), acting);
  EXPECT_EQ(world.violation(), std::nullopt);
}

TEST_P(MembershipTest, WhatCannotBeForgottenIsSaid) {
  ClusterWorld world(StoryOptions(3, 1, GetParam()));
  ASSERT_TRUE(BeginServed(&world));
  const size_t acting = *world.Acting(cluster::ShardId(1));
  const absl::Status leads = Allows(world, 0, world.process(acting).id());
  EXPECT_EQ(leads.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(leads.message().find("leads shard 1"), std::string::npos) << leads;
  EXPECT_EQ(Allows(world, 3, world.process(3).id()).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Allows(world, 0, cluster::NodeId{1, 2}).code(), absl::StatusCode::kNotFound);
  // And a command that is not allowed does nothing.
  world.Command(0, ForgetCommand{world.process(acting).id()});
  world.Run(Millis(2000));
  EXPECT_TRUE(AllHold(world, acting, false));
  EXPECT_EQ(world.Acting(cluster::ShardId(1)), acting);
}

INSTANTIATE_TEST_SUITE_P(Seeds, MembershipTest, testing::Values(1, 2, 3));

}  // namespace
}  // namespace larder::simulation
