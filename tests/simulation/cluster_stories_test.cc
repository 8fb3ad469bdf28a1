// Stories of clusters that went wrong once; each with what was wrong then.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tests/simulation/cluster/cluster_world.h"
#include "tests/simulation/cluster/story.h"

namespace larder::simulation {
namespace {

using cluster::ShardId;

constexpr ShardId kShard{0};

class ClusterStoryTest : public testing::TestWithParam<uint64_t> {};

// A voter passed over a replica that its disk said was FAIL, long ago: its write was lost, though
// one node was lost and the replica lived.
TEST_P(ClusterStoryTest, FailOfAnEarlierProcessPassesNobodyOver) {
  constexpr size_t kPrimary = 0;
  constexpr size_t kLaggard = 3;
  constexpr size_t kAhead = 6;
  ClusterWorld world(StoryOptions(3, 2, GetParam()));
  ASSERT_TRUE(BeginServed(&world));
  Isolate(&world, kAhead);
  world.Run(Millis(1500));
  // So that this is on the disks.
  world.Command(4, cluster::FailoverCommand{cluster::ElectionKind::kPlanned});
  world.Run(Millis(8000));
  world.Heal();
  world.Run(Millis(3000));
  BlockBoth(&world, kPrimary, kLaggard);
  world.Run(Millis(20));
  const uint64_t before = world.acknowledged();
  ASSERT_TRUE(WriteTo(&world, kPrimary, "w", 1));
  world.Run(Millis(200));
  ASSERT_EQ(world.acknowledged(), before + 1);
  const uint64_t end = world.node(kAhead).keyspace().end();
  world.Heal();
  // All others lose power, and the primary for good; the replica is cut off for a moment.
  Isolate(&world, kAhead);
  for (size_t node = 0; node < world.size(); ++node) {
    if (node != kAhead) world.Crash(node);
  }
  world.Run(Millis(50));
  for (size_t node = 1; node < world.size(); ++node) {
    if (node != kAhead) world.Restart(node);
  }
  world.Run(Millis(550));
  world.Heal();
  ASSERT_TRUE(IsServedWithin(&world, kShard, Millis(20000)));
  EXPECT_GE(world.node(*world.Acting(kShard)).keyspace().end(), end);
  EXPECT_EQ(world.violation(), std::nullopt);
}

// A candidate that was behind had been accepted by the voters without hearing of it; it told the
// one that has more to stand, whom the voters refused since the candidate lived. For ever.
TEST_P(ClusterStoryTest, WhoWasElectedUnheardLetsAnotherStand) {
  constexpr size_t kPrimary = 0;
  constexpr size_t kBehind = 3;
  constexpr size_t kAhead = 6;
  WorldOptions options = StoryOptions(3, 2, GetParam());
  options.has_evidence = false;
  ClusterWorld world(options);
  ASSERT_TRUE(BeginServed(&world));
  BlockBoth(&world, kPrimary, kBehind);
  world.Run(Millis(20));
  ASSERT_TRUE(WriteTo(&world, kPrimary, "w", 1));
  world.Run(Millis(200));
  Isolate(&world, kAhead);
  world.Run(Millis(1300));
  world.Crash(kPrimary);
  const auto has_accepted = [&world](size_t voter) {
    const auto& state =
        world.process(voter).node().core().acceptor.At(cluster::RegisterKey::OfShard(kShard));
    const auto* const value = std::get_if<cluster::ShardRegister>(&state.value);
    return value != nullptr && world.IndexOf(value->primary()) == kBehind;
  };
  ASSERT_TRUE(world.RunUntil([&] { return has_accepted(1) && has_accepted(2); }, Millis(5000)));
  world.Crash(kBehind);
  world.Heal();
  world.Run(Millis(300));
  world.Restart(kBehind);
  EXPECT_TRUE(IsServedWithin(&world, kShard, Millis(20000)));
  EXPECT_EQ(world.violation(), std::nullopt);
}

// dead_voters_stay: the round that should have replaced a dead voter came to nothing, and was not
// tried again as nothing had changed since.
TEST_P(ClusterStoryTest, ADeadVoterIsReplacedThoughTheFirstTryFailed) {
  ClusterWorld world(StoryOptions(1, 3, GetParam()));
  ASSERT_TRUE(BeginServed(&world));
  const size_t acting = *world.Acting(kShard);
  std::vector<size_t> others;
  for (const cluster::NodeId& voter : world.process(acting).node().core().table.voters().voters) {
    if (world.IndexOf(voter) != acting) others.push_back(world.IndexOf(voter));
  }
  ASSERT_EQ(others.size(), 2u);
  world.Crash(others[0]);
  world.Run(Millis(900));
  world.process(others[1]).set_disk_hangs(true);
  world.Run(Millis(1700));
  world.process(others[1]).set_disk_hangs(false);
  const cluster::NodeId dead = world.process(others[0]).id();
  EXPECT_TRUE(
      world.RunUntil([&] { return !world.process(acting).node().core().table.voters().Has(dead); },
                     Millis(20000)));
  EXPECT_EQ(world.violation(), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ClusterStoryTest, testing::Values(1, 2, 3));

// Nodes that had been heard of, and were gone, were counted among those of whom a majority must
// found: pods that were made anew without their volumes never did.
TEST(FoundingStoryTest, WhoIsGoneHasNoSayInAFounding) {
  using cluster::ClusterNode;
  constexpr int kNodes = 3;
  cluster::BootTime now{Millis(1000)};
  std::vector<std::unique_ptr<ClusterNode>> nodes;
  for (uint64_t i = 0; i < kNodes; ++i) {
    cluster::ClusterConfig config;
    config.shards = 1;
    config.replicas = 2;
    config.node_timeout = Millis(1000);
    config.bus_endpoint = "n" + std::to_string(i);
    config.seeds = {"n0", "n1", "n2"};
    cluster::DurableCluster disk;
    disk.self.node = {9, i + 1};
    nodes.push_back(std::make_unique<ClusterNode>(config, disk, i + 1, now));
  }
  std::vector<std::pair<size_t, cluster::Envelope>> in_flight;
  for (uint64_t gone = 1; gone <= 4; ++gone) {
    cluster::Member member;
    member.node = {1, gone};
    member.generation = 1;
    member.bus_endpoint = "gone";
    for (size_t node = 0; node < kNodes; ++node) {
      in_flight.push_back({node, {{}, member.node, cluster::Join{member, true}}});
    }
  }
  const auto all_founded = [&nodes] {
    for (const auto& node : nodes) {
      if (!node->core().cluster.is_set()) return false;
    }
    return true;
  };
  for (int step = 0; step < 1000 && !all_founded(); ++step) {
    now += Millis(25);
    const auto arrived = std::exchange(in_flight, {});
    for (size_t node = 0; node < kNodes; ++node) {
      std::vector<cluster::ClusterInput> inputs;
      for (const auto& [to, envelope] : arrived) {
        if (to == node) inputs.emplace_back(cluster::Received{envelope});
      }
      for (const cluster::Sending& sending : nodes[node]->Step(now, inputs).sends) {
        for (size_t to = 0; to < kNodes; ++to) {
          if (sending.endpoint == "n" + std::to_string(to)) {
            in_flight.emplace_back(to, sending.envelope);
          }
        }
      }
    }
  }
  EXPECT_TRUE(all_founded());
}

}  // namespace
}  // namespace larder::simulation
