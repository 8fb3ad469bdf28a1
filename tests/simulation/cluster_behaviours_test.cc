// Behaviours 1 to 7: who is of a cluster, and who is held for dead.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/simulation/cluster/cluster_stage.h"

namespace larder::simulation {
namespace {

using cluster::ClusterEvent;
using cluster::Envelope;
using cluster::FailMark;
using cluster::ShardId;
using Kind = ClusterEvent::Kind;

constexpr ShardId kShard{0};

class ClusterBehaviourTest : public testing::TestWithParam<uint64_t> {
 protected:
  static cluster::ClusterId ClusterOf(ClusterWorld* world, size_t node) {
    return world->process(node).node().core().cluster;
  }
};

INSTANTIATE_TEST_SUITE_P(Seeds, ClusterBehaviourTest, testing::Values(1, 2, 3));

TEST_P(ClusterBehaviourTest, Behaviour01AllLearnOfEachOtherFromOneSeed) {
  constexpr size_t kSeed = 2;
  WorldOptions options = StoryOptions(3, 1, GetParam());
  options.is_founded = false;
  options.begin_within = Millis(3000);
  options.seeds = [](size_t node) {
    return node == kSeed ? std::vector<size_t>() : std::vector<size_t>{kSeed};
  };
  ClusterStage stage(options);
  ASSERT_TRUE(stage.Begin());
  ASSERT_TRUE(stage.world().RunUntil([&stage] { return stage.AllAgree(); }, Millis(10000)));
  for (size_t node = 0; node < stage.world().size(); ++node) {
    EXPECT_EQ(ClusterOf(&stage.world(), node), ClusterOf(&stage.world(), kSeed));
    EXPECT_EQ(stage.TableOf(node).members().size(), 6u);
    std::set<std::string> epochs;
    std::set<std::string> endpoints;
    for (const auto& [shard, chosen] : stage.TableOf(node).shards()) {
      epochs.insert(chosen.value.epoch.ToText());
    }
    for (const auto& [id, member] : stage.TableOf(node).members()) {
      endpoints.insert(member.bus_endpoint);
    }
    EXPECT_EQ(epochs.size(), 3u);
    EXPECT_EQ(endpoints.size(), 6u);
  }
  EXPECT_EQ(stage.world().violation(), std::nullopt);
}

TEST_P(ClusterBehaviourTest, Behaviour02MeetSucceedsThoughTheFirstOnesAreLost) {
  constexpr size_t kMet = 1;
  constexpr size_t kNewcomer = 6;
  WorldOptions options = StoryOptions(3, 1, GetParam());
  options.newcomers = 1;
  ClusterStage stage(options);
  ClusterWorld& world = stage.world();
  ASSERT_TRUE(stage.Begin()) << world.violation().value_or("");
  const cluster::MeetCommand meet{world.process(kMet).options().config.bus_endpoint};
  world.Block(kNewcomer, kMet);
  world.Command(kNewcomer, meet);
  world.Run(Millis(3000));
  EXPECT_FALSE(ClusterOf(&world, kNewcomer).is_set());
  EXPECT_EQ(stage.TableOf(0).members().size(), 6u);
  world.Heal();
  const auto is_in = [&] {
    return stage.AllAgree() && stage.AllWhole() && stage.TableOf(0).members().size() == 7 &&
           world.process(kNewcomer).node().core().shard().has_value();
  };
  ASSERT_TRUE(world.RunUntil(is_in, Millis(20000)));
  world.Run(Millis(3000));
  const Millis joined = stage.now();
  const uint64_t known = stage.TableOf(0).digest();
  for (int i = 0; i < 5; ++i) {
    world.Command(kNewcomer, meet);
    world.Command(kMet,
                  {cluster::MeetCommand{world.process(kNewcomer).options().config.bus_endpoint}});
    world.Run(Millis(300));
  }
  world.Run(Millis(3000));
  EXPECT_TRUE(stage.AllAgree());
  EXPECT_EQ(stage.TableOf(0).digest(), known);
  for (const auto& seen : stage.seen()) {
    EXPECT_LT(seen.at, joined) << cluster::ClusterEventName(seen.event.kind);
  }
  EXPECT_EQ(world.violation(), std::nullopt);
}

TEST_P(ClusterBehaviourTest, Behaviour03LostReplicasCostNothingALostPrimaryItsSlotsAlone) {
  ClusterStage stage(StoryOptions(3, 1, GetParam()));
  ClusterWorld& world = stage.world();
  ASSERT_TRUE(stage.Begin());
  ASSERT_TRUE(stage.Write(0, "kept", 1));
  world.Run(Millis(100));
  for (const size_t replica : {3u, 4u, 5u}) world.Crash(replica);
  EXPECT_FALSE(world.RunUntil([&world] { return !world.IsServed(); }, Millis(10000)));
  world.Crash(0);
  const auto others_fail = [&world] {
    return !world.Acting(ShardId(1)).has_value() || !world.Acting(ShardId(2)).has_value();
  };
  EXPECT_FALSE(world.RunUntil(others_fail, Millis(10000)));
  EXPECT_FALSE(world.Acting(kShard).has_value());
  world.Restart(0);
  ASSERT_TRUE(world.RunUntil([&world] { return world.IsServed(); }, Millis(10000)));
  EXPECT_EQ(world.Acting(kShard), 0u);
  EXPECT_NE(world.node(0).keyspace().Find("kept"), nullptr);
  EXPECT_EQ(world.violation(), std::nullopt);
}

// Reports as they are told, to the voter who decides.
class ReportStage {
 public:
  static constexpr size_t kVoter = 2;
  static constexpr size_t kSuspect = 4;

  explicit ReportStage(uint64_t seed) : stage_(StoryOptions(3, 1, seed)) {}
  ClusterStage& stage() { return stage_; }
  FailMark Mark() {
    const cluster::Member& member = *stage_.TableOf(kVoter).Find(Suspect());
    return {member.node, member.admissions, member.generation};
  }
  cluster::NodeId Suspect() { return stage_.world().process(kSuspect).id(); }
  void Tell(size_t from, cluster::PeerMessage message) {
    ClusterWorld& world = stage_.world();
    world.process(kVoter).Receive(
        cluster::Received{Envelope{world.process(kVoter).node().core().cluster,
                                   world.process(from).id(), std::move(message)}});
  }
  // Whether the voter comes to hold it FAIL, when it does not hear it any more for a while.
  bool FailsWhenSilentToTheVoter() {
    const Millis from = stage_.now();
    stage_.BlockBoth(kVoter, kSuspect);
    stage_.world().Run(Millis(1900));
    EXPECT_GT(stage_.Count(Kind::kSuspected, from, kVoter), 0u);
    return stage_.Count(Kind::kFailed, from, kVoter) > 0;
  }

 private:
  ClusterStage stage_;
};

TEST_P(ClusterBehaviourTest, Behaviour04OnlyVotersFreshReportsMakeFail) {
  constexpr size_t kOtherVoter = 1;
  constexpr size_t kNoVoter = 3;
  {
    ReportStage fresh(GetParam());
    ASSERT_TRUE(fresh.stage().Begin());
    fresh.Tell(kOtherVoter, cluster::Suspect{{fresh.Mark()}, {}});
    EXPECT_TRUE(fresh.FailsWhenSilentToTheVoter());
  }
  {
    ReportStage old(GetParam());
    ASSERT_TRUE(old.stage().Begin());
    old.Tell(kOtherVoter, cluster::Suspect{{old.Mark()}, {}});
    old.stage().world().Run(Millis(1500));
    EXPECT_FALSE(old.FailsWhenSilentToTheVoter());
  }
  {
    ReportStage no_voter(GetParam());
    ASSERT_TRUE(no_voter.stage().Begin());
    no_voter.Tell(kNoVoter, cluster::Suspect{{no_voter.Mark()}, {}});
    EXPECT_FALSE(no_voter.FailsWhenSilentToTheVoter());
    no_voter.Tell(kNoVoter, cluster::Failed{{no_voter.Mark()}});
    EXPECT_FALSE(no_voter.stage().TableOf(ReportStage::kVoter).IsFailed(no_voter.Suspect()));
    no_voter.Tell(kOtherVoter, cluster::Failed{{no_voter.Mark()}});
    EXPECT_TRUE(no_voter.stage().TableOf(ReportStage::kVoter).IsFailed(no_voter.Suspect()));
  }
}

// What is not a voter's to say comes from silence, too.
TEST_P(ClusterBehaviourTest, Behaviour04SilenceToOthersThanVotersIsNoFailure) {
  ClusterStage stage(StoryOptions(3, 1, GetParam()));
  ASSERT_TRUE(stage.Begin());
  for (const size_t no_voter : {4u, 5u}) stage.BlockBoth(3, no_voter);
  stage.BlockBoth(3, 0);
  stage.world().Run(Millis(10000));
  EXPECT_EQ(stage.world().fails(), 0u);
  stage.BlockBoth(3, 1);
  EXPECT_TRUE(stage.world().RunUntil([&stage] { return stage.world().fails() > 0; }, Millis(3000)));
}

TEST_P(ClusterBehaviourTest, Behaviour05ASlowLinkChangesNothingAndIsWellAgainAtOnce) {
  ClusterStage stage(StoryOptions(3, 1, GetParam()));
  ClusterWorld& world = stage.world();
  ASSERT_TRUE(stage.Begin());
  const Millis from = stage.now();
  world.network().Slow(0, 1, Millis(3000));
  world.network().Slow(1, 0, Millis(3000));
  world.network().set_options({Millis(5), Millis(5), 0, 1000});
  EXPECT_FALSE(world.RunUntil([&world] { return !world.IsServed(); }, Millis(20000)));
  // The two see it: silence first, and then that what comes is old.
  for (const size_t end : {0u, 1u}) {
    EXPECT_GE(stage.Count(Kind::kSuspected, from, end), 1u);
    EXPECT_LE(stage.Count(Kind::kSuspected, from, end), 2u);
  }
  world.Heal();
  EXPECT_FALSE(world.RunUntil([&world] { return !world.IsServed(); }, Millis(10000)));
  const cluster::NodeId zero = world.process(0).id();
  EXPECT_TRUE(world.process(1).node().core().detector.IsWell(zero, world.process(1).BootNow()));
  EXPECT_EQ(stage.Count(Kind::kFailed, from), 0u);
  EXPECT_EQ(stage.Count(Kind::kElectionStarted, from), 0u);
  EXPECT_EQ(world.violation(), std::nullopt);
}

TEST_P(ClusterBehaviourTest, Behaviour06AddressesChangeAndTheClusterFollows) {
  ClusterStage stage(StoryOptions(3, 1, GetParam()));
  ClusterWorld& world = stage.world();
  ASSERT_TRUE(stage.Begin());
  const auto move = [&](size_t node, const std::string& host) {
    world.Readdress(node, host, {"new-1:17600", "new-4:17600"});
  };
  const auto all_know = [&](size_t moved, const std::string& endpoint) {
    if (!world.IsServed() || !stage.AllWhole() || !stage.AllAgree()) return false;
    for (size_t node = 0; node < world.size(); ++node) {
      if (!world.process(node).is_running()) return false;
      const cluster::Member* const member = stage.TableOf(node).Find(world.process(moved).id());
      if (member == nullptr || member->bus_endpoint != endpoint || member->is_failed) return false;
    }
    return true;
  };
  // A replica, a primary, and all at once.
  for (const size_t node : {5u, 0u}) {
    world.Crash(node);
    move(node, "moved-" + std::to_string(node));
    world.Run(Millis(500));
    world.Restart(node);
    const std::string endpoint = "moved-" + std::to_string(node) + ":17600";
    EXPECT_TRUE(world.RunUntil([&] { return all_know(node, endpoint); }, Millis(20000))) << node;
  }
  for (size_t node = 0; node < world.size(); ++node) world.Crash(node);
  world.Run(Millis(5000));
  for (size_t node = 0; node < world.size(); ++node) {
    move(node, "new-" + std::to_string(node));
    world.Restart(node);
  }
  for (size_t node = 0; node < world.size(); ++node) {
    const std::string endpoint = "new-" + std::to_string(node) + ":17600";
    EXPECT_TRUE(world.RunUntil([&] { return all_know(node, endpoint); }, Millis(40000))) << node;
  }
  EXPECT_EQ(world.violation(), std::nullopt);
}

TEST_P(ClusterBehaviourTest, Behaviour07WhatIsOldOrOfOthersChangesNothing) {
  ClusterStage stage(StoryOptions(3, 1, GetParam()));
  ClusterWorld& world = stage.world();
  std::vector<std::tuple<size_t, size_t, Envelope>> said;
  bool records = true;
  world.network().set_on_sent([&](size_t from, size_t to, const Envelope& envelope) {
    if (records) said.emplace_back(from, to, envelope);
  });
  ASSERT_TRUE(stage.Begin());
  // A failover, a return, and a failover back.
  for (const size_t primary : {0u, 3u}) {
    world.Crash(primary);
    ASSERT_TRUE(world.RunUntil([&world] { return world.IsServed(); }, Millis(10000)));
    world.Run(Millis(2000));
    world.Restart(primary);
    ASSERT_TRUE(world.RunUntil([&stage] { return stage.AllWhole(); }, Millis(20000)));
  }
  world.Run(Millis(5000));
  records = false;
  ASSERT_EQ(world.Acting(kShard), 0u);
  ASSERT_TRUE(stage.AllAgree());
  const uint64_t known = stage.TableOf(0).digest();
  const Millis from = stage.now();
  std::set<std::string> names;
  const auto tell_again = [&](const std::function<void(Envelope*)>& change) {
    size_t told = 0;
    for (const auto& [sender, to, envelope] : said) {
      Envelope again = envelope;
      change(&again);
      names.insert(cluster::PeerMessageName(again.message));
      world.process(to).Receive(cluster::Received{again});
      if (++told % 100 == 0) world.Run(Millis(5));
      ASSERT_TRUE(world.IsServed()) << told << " " << cluster::PeerMessageName(again.message);
    }
    world.Run(Millis(5000));
  };
  tell_again([](Envelope* envelope) { envelope->cluster = {1, 2}; });
  EXPECT_GT(stage.Count(Kind::kOtherCluster, from), 1000u);
  EXPECT_EQ(stage.TableOf(0).digest(), known);
  tell_again([](Envelope* envelope) { envelope->from = {77, 77}; });
  EXPECT_EQ(stage.TableOf(0).digest(), known);
  tell_again([](Envelope* /*envelope*/) {});
  EXPECT_EQ(stage.TableOf(0).digest(), known);
  EXPECT_EQ(stage.Count(Kind::kFailed, from), 0u);
  // News, but of another cluster; and the same from one of ours.
  const cluster::Member& one = *stage.TableOf(1).Find(world.process(4).id());
  const cluster::Failed failed{{{one.node, one.admissions, one.generation}}};
  Envelope forged{{1, 2}, world.process(2).id(), failed};
  world.process(1).Receive(cluster::Received{forged});
  EXPECT_FALSE(stage.TableOf(1).IsFailed(one.node));
  forged.cluster = ClusterOf(&world, 1);
  world.process(1).Receive(cluster::Received{forged});
  EXPECT_TRUE(stage.TableOf(1).IsFailed(one.node));
  ASSERT_TRUE(world.RunUntil([&] { return !stage.TableOf(1).IsFailed(one.node); }, Millis(5000)));
  world.Run(Millis(3000));
  // There was something to be said again.
  EXPECT_GT(said.size(), 3000u);
  EXPECT_GT(names.size(), 8u);
  EXPECT_EQ(world.Acting(kShard), 0u);
  EXPECT_TRUE(stage.AllAgree());
  EXPECT_EQ(stage.Count(Kind::kPrimaryChanged, from), 0u);
  EXPECT_EQ(world.violation(), std::nullopt);
}

}  // namespace
}  // namespace larder::simulation
