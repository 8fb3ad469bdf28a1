// The simulator sees what it is for: each mistake that is planted in the protocol is found.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cluster/registers/protocol_fault.h"
#include "tests/simulation/cluster/cluster_simulation.h"
#include "tests/simulation/cluster/cluster_world.h"

namespace larder::simulation {
namespace {

using cluster::NamedProtocolFault;
using cluster::ProtocolFault;

constexpr uint64_t kSeedsToFind = 400;

class ProtocolFaultTest : public testing::TestWithParam<NamedProtocolFault> {
 protected:
  void TearDown() override { cluster::planted_protocol_fault = ProtocolFault::kNone; }
};

TEST_P(ProtocolFaultTest, IsFound) {
  cluster::planted_protocol_fault = GetParam().fault;
  for (uint64_t seed = 1; seed <= kSeedsToFind; ++seed) {
    const std::optional<std::string> violation = ClusterSimulation({.seed = seed}).Run();
    if (!violation.has_value()) continue;
    RecordProperty("seed", static_cast<int>(seed));
    RecordProperty("violation", *violation);
    std::printf("%s: seed %d: %s\n", std::string(GetParam().name).c_str(), static_cast<int>(seed),
                violation->c_str());
    return;
  }
  FAIL() << "not found in " << kSeedsToFind << " seeds";
}

INSTANTIATE_TEST_SUITE_P(All, ProtocolFaultTest, testing::ValuesIn(cluster::kProtocolFaults),
                         [](const auto& planted) { return std::string(planted.param.name); });

// ---- Stories, of a shard with three nodes that all vote: 0 leads, 1 is told to take over by
// force, and 0 does not hear of it.

class ForcedStory {
 public:
  static constexpr size_t kPrimary = 0;
  static constexpr size_t kSuccessor = 1;
  static constexpr size_t kThird = 2;

  explicit ForcedStory(std::vector<int64_t> clock_permille = {1000, 1000, 1000})
      : world_(OptionsFor(std::move(clock_permille))) {}

  ClusterWorld& world() { return world_; }
  // Until 0 leads and 1 is able.
  void Begin() {
    world_.Start();
    ASSERT_TRUE(
        world_.RunUntil([this] { return world_.Acting(kShard) == kPrimary; }, Millis(9000)));
    world_.Run(Millis(2000));
  }
  // What was violated when 1 leads, and a while later. Absent: nothing.
  std::optional<std::string> TakeOver() {
    world_.Command(kSuccessor, cluster::FailoverCommand{cluster::ElectionKind::kForced});
    const auto leads = [this] { return world_.process(kSuccessor).MayAct(); };
    EXPECT_TRUE(world_.RunUntil(leads, Millis(5000)) || world_.violation().has_value());
    world_.Run(Millis(2000));
    return world_.violation();
  }

 private:
  static constexpr cluster::ShardId kShard{0};
  static WorldOptions OptionsFor(std::vector<int64_t> clock_permille) {
    WorldOptions options;
    options.shards = 1;
    options.replicas = 2;
    options.config.node_timeout = Millis(1000);
    options.network = {Millis(10), Millis(10), 0, 0};
    options.clock_permille = [clock_permille](size_t node) { return clock_permille[node]; };
    return options;
  }

  ClusterWorld world_;
};

class ProtocolStoryTest : public testing::Test {
 protected:
  void TearDown() override { cluster::planted_protocol_fault = ProtocolFault::kNone; }
  // The story breaks a promise with the mistake, and none without.
  static void ExpectNeeded(ProtocolFault fault,
                           const std::function<std::optional<std::string>()>& story) {
    const std::optional<std::string> without = story();
    EXPECT_FALSE(without.has_value()) << *without;
    cluster::planted_protocol_fault = fault;
    EXPECT_TRUE(story().has_value()) << "not seen";
  }
};

// The primary's clock goes slowly, so it acts long; those of the voters go fast, so they wait
// shortly.
TEST_F(ProtocolStoryTest, drift) {
  // When the successor asks falls by chance into what is left: so at several times.
  ExpectNeeded(ProtocolFault::kNoDrift, [] {
    std::optional<std::string> violation;
    for (int64_t later = 0; later < 100 && !violation.has_value(); later += 10) {
      ForcedStory story({900, 1100, 1100});
      story.Begin();
      story.world().Run(Millis(later));
      for (const size_t other : {ForcedStory::kSuccessor, ForcedStory::kThird}) {
        story.world().Block(other, ForcedStory::kPrimary);
        story.world().Block(ForcedStory::kPrimary, other);
      }
      violation = story.TakeOver();
    }
    return violation;
  });
}

// The third has voted for the successor, which it hears late; what it tells the primary comes late,
// too, and among that are grants that it still gives.
TEST_F(ProtocolStoryTest, grant_after_vote) {
  ExpectNeeded(ProtocolFault::kGrantAfterVote, [] {
    ForcedStory story;
    story.Begin();
    story.world().Block(ForcedStory::kSuccessor, ForcedStory::kPrimary);
    story.world().network().Slow(ForcedStory::kThird, ForcedStory::kPrimary, Millis(300));
    story.world().network().Slow(ForcedStory::kSuccessor, ForcedStory::kThird, Millis(300));
    story.world().Run(Millis(1000));
    return story.TakeOver();
  });
}

// The primary acts by what it and the third have lent. The third votes for the successor, ends, and
// has forgotten what it has lent when it starts.
TEST_F(ProtocolStoryTest, restarted_voter_lends) {
  ExpectNeeded(ProtocolFault::kRestartedVoterLends, [] {
    ForcedStory story;
    story.Begin();
    ClusterWorld& world = story.world();
    world.Block(ForcedStory::kSuccessor, ForcedStory::kPrimary);
    world.Block(ForcedStory::kPrimary, ForcedStory::kSuccessor);
    world.Run(Millis(800));
    world.Block(ForcedStory::kThird, ForcedStory::kPrimary);
    world.Block(ForcedStory::kPrimary, ForcedStory::kThird);
    world.events().After(Millis(10), [&world] {
      world.Crash(ForcedStory::kThird);
      world.Restart(ForcedStory::kThird);
    });
    return story.TakeOver();
  });
}

// The primary's grants come late, and it takes their time from then on.
TEST_F(ProtocolStoryTest, lease_from_answer) {
  ExpectNeeded(ProtocolFault::kLeaseFromAnswer, [] {
    ForcedStory story;
    story.Begin();
    story.world().Block(ForcedStory::kSuccessor, ForcedStory::kPrimary);
    story.world().network().Slow(ForcedStory::kThird, ForcedStory::kPrimary, Millis(350));
    story.world().Run(Millis(1000));
    return story.TakeOver();
  });
}

}  // namespace
}  // namespace larder::simulation
