// Interleavings that an earlier wording of the rules allowed: each keeps its promise with the rules
// as they are, and breaks it when the rule that it is for is left out.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "cluster/registers/protocol_fault.h"
#include "tests/simulation/cluster/cluster_world.h"
#include "tests/simulation/cluster/story.h"

namespace larder::simulation {
namespace {

using cluster::ElectionKind;
using cluster::PeerMessage;
using cluster::ProtocolFault;
using cluster::ShardId;

constexpr ShardId kShard{0};

// One shard, all of whose nodes vote (of four three do): 0 leads.
WorldOptions OneShard(uint32_t replicas) { return StoryOptions(1, replicas, 1); }

template <typename... Messages>
bool IsOneOf(const PeerMessage& message) {
  return (std::holds_alternative<Messages>(message) || ...);
}

void Force(ClusterWorld* world, size_t node) {
  world->Command(node, cluster::FailoverCommand{ElectionKind::kForced});
}

class InterleavingTest : public testing::Test {
 protected:
  using Story = std::function<void(ClusterWorld* world)>;
  void TearDown() override { cluster::planted_protocol_fault = ProtocolFault::kNone; }

  static std::optional<std::string> Tell(const WorldOptions& options, const Story& story) {
    ClusterWorld world(options);
    story(&world);
    return world.violation();
  }
  // The story breaks a promise with the mistake, and none without.
  static void ExpectNeeded(ProtocolFault fault, const WorldOptions& options, const Story& story) {
    const std::optional<std::string> without = Tell(options, story);
    EXPECT_FALSE(without.has_value()) << *without;
    cluster::planted_protocol_fault = fault;
    const std::optional<std::string> with = Tell(options, story);
    EXPECT_TRUE(with.has_value()) << "not seen";
    if (with.has_value()) std::printf("%s\n", with->c_str());
  }
  static void Begin(ClusterWorld* world) {
    world->Start();
    ASSERT_TRUE(world->RunUntil([world] { return world->Acting(kShard) == 0; }, Millis(9000)));
    world->Run(Millis(3000));
    ASSERT_EQ(world->Acting(kShard), 0u);
  }
};

// 1 stands, and 2 hears late what it is to accept; 2 itself is elected meanwhile by 0, since 1 is
// silent. By what 1 is then told it has won, too, without what 2 has acknowledged.
TEST_F(InterleavingTest, vote_twice) {
  ExpectNeeded(ProtocolFault::kVoteTwice, OneShard(2), [](ClusterWorld* world) {
    Begin(world);
    bool is_alone = false;
    world->network().set_fate([&is_alone](size_t from, size_t to, const PeerMessage& message) {
      std::optional<Millis> fate = Millis(0);
      if (from == 1 && to != 1) {
        const bool is_said = IsOneOf<cluster::Prepare, cluster::Endorse, cluster::Accept>(message);
        if (!is_said || (to == 0 && IsOneOf<cluster::Accept>(message))) return fate = {};
        if (IsOneOf<cluster::Accept>(message)) fate = Millis(850);
      }
      if (is_alone && to == 1 && from != 1 && !IsOneOf<cluster::Accepted>(message)) fate = {};
      return fate;
    });
    world->Run(Millis(2500));
    Force(world, 1);
    world->Run(Millis(50));
    is_alone = true;
    world->Block(1, 2), world->network().Unblock(1, 2);  // of data nothing arrives
    Force(world, 2);
    world->RunUntil([world] { return world->Acting(kShard) == 2; }, Millis(750));
    WriteTo(world, 2, "w", 1);
    world->Run(Millis(1500));
  });
}

// 2, which votes and is of another shard, says that it has accepted 3, ends before that is on its
// disk, and lends to 0 again, which has heard of nothing.
TEST_F(InterleavingTest, unsaved_vote) {
  WorldOptions options = OneShard(1);
  options.shards = 3;
  ExpectNeeded(ProtocolFault::kUnsavedVote, options, [](ClusterWorld* world) {
    Begin(world);
    for (size_t other = 1; other < world->size(); ++other) BlockBoth(world, 0, other);
    world->process(2).set_disk_hangs(true);
    Force(world, 3);
    world->RunUntil([world] { return world->process(3).MayAct(); }, Millis(700));
    world->Crash(2);
    world->Heal();
    for (size_t other = 1; other < world->size(); ++other) {
      if (other != 2) BlockBoth(world, 0, other), BlockBoth(world, 2, other);
    }
    world->Restart(2);
    world->Run(Millis(2000));
  });
}

// A candidate that does not vote ends when it has proposed, and stands again.
TEST_F(InterleavingTest, same_ballot_twice) {
  WorldOptions options = OneShard(1);
  options.shards = 3;
  ExpectNeeded(ProtocolFault::kSameBallotTwice, options, [](ClusterWorld* world) {
    Begin(world);
    bool has_proposed = false;
    world->network().set_fate([&has_proposed](size_t from, size_t, const PeerMessage& message) {
      const bool is_lost = from == 3 && IsOneOf<cluster::Accept>(message);
      has_proposed = has_proposed || is_lost;
      return is_lost ? std::nullopt : std::optional(Millis(0));
    });
    Force(world, 3);
    ASSERT_TRUE(world->RunUntil([&has_proposed] { return has_proposed; }, Millis(500)));
    world->Crash(3);
    world->Restart(3);
    // Before the primary hears of the fence, and stands.
    world->Run(Millis(10));
    Force(world, 3);
    world->Run(Millis(2000));
  });
}

// 3 and 4 are FAIL as 1 and 2 see it; then these are cut off, and 3 and 4 are with 0 again.
TEST_F(InterleavingTest, gossiped_majority) {
  ExpectNeeded(ProtocolFault::kGossipedMajority, OneShard(4), [](ClusterWorld* world) {
    Begin(world);
    for (const size_t gone : {3, 4}) {
      for (size_t other = 0; other < 5; ++other) {
        if (other != gone) BlockBoth(world, gone, other);
      }
    }
    const auto are_failed = [world](size_t by) {
      const cluster::ClusterTable& table = world->process(by).node().core().table;
      return table.IsFailed(world->process(3).id()) && table.IsFailed(world->process(4).id());
    };
    ASSERT_TRUE(world->RunUntil([&] { return are_failed(1) && are_failed(2); }, Millis(3000)));
    world->Heal();
    for (const size_t cut_off : {1, 2}) {
      for (const size_t other : {0, 3, 4}) BlockBoth(world, cut_off, other);
    }
    Force(world, 1);
    world->Run(Millis(900));
  });
}

// Nobody was written into the register: 1 has applied what it was sent, and is not asked when 2
// stands.
TEST_F(InterleavingTest, uncounted_replica_acknowledges) {
  ExpectNeeded(ProtocolFault::kUnableAcknowledge, OneShard(2), [](ClusterWorld* world) {
    world->network().set_fate([](size_t from, size_t to, const PeerMessage& message) {
      const auto* const prepare = std::get_if<cluster::Prepare>(&message);
      const bool names_able = from == 0 && prepare != nullptr && !prepare->election.has_value();
      const bool is_asked = from == 2 && to == 1 && IsOneOf<cluster::Endorse>(message);
      const bool stands = from == 1 && IsOneOf<cluster::Prepare>(message);
      return names_able || is_asked || stands ? std::nullopt : std::optional(Millis(0));
    });
    Begin(world);
    world->Block(0, 2), world->network().Unblock(0, 2);  // of data nothing arrives
    ASSERT_TRUE(WriteTo(world, 0, "w", 1));
    world->Run(Millis(300));
    world->Crash(0);
    ASSERT_TRUE(world->RunUntil([world] { return world->Acting(kShard) == 2; }, Millis(9000)) ||
                world->violation().has_value());
    world->Run(Millis(1000));
  });
}

// 1 has what 0 lost when it was killed; 0 is back at once.
TEST_F(InterleavingTest, restarted_primary_beats_the_ahead) {
  ExpectNeeded(ProtocolFault::kBehindStands, OneShard(2), [](ClusterWorld* world) {
    Begin(world);
    const uint64_t before = world->acknowledged();
    ASSERT_TRUE(WriteTo(world, 0, "w", 1));
    world->Run(Millis(100));
    ASSERT_EQ(world->acknowledged(), before + 1);
    world->data(0).set_loss(SimulatedNode::Loss::kAll);
    world->Crash(0);
    world->Restart(0);
    world->Run(Millis(5000));
  });
}

// 2 has endorsed 1, which does not win; 0 is well.
TEST_F(InterleavingTest, failed_election_fences) {
  ExpectNeeded(ProtocolFault::kFenceStays, OneShard(2), [](ClusterWorld* world) {
    Begin(world);
    world->network().set_fate([](size_t from, size_t, const PeerMessage& message) {
      const bool is_lost = from == 1 && IsOneOf<cluster::Accept>(message);
      return is_lost ? std::nullopt : std::optional(Millis(0));
    });
    Force(world, 1);
    world->Run(Millis(10000));
    const std::optional<size_t> acting = world->Acting(kShard);
    const uint64_t before = world->acknowledged();
    if (acting.has_value()) WriteTo(world, *acting, "w", 2);
    world->Run(Millis(1000));
    if (world->acknowledged() == before) world->Violate("nobody replicates");
  });
}

// All have lost all that they had.
TEST_F(InterleavingTest, all_empty) {
  ExpectNeeded(ProtocolFault::kEmptyNeverStands, OneShard(2), [](ClusterWorld* world) {
    // At first all are empty, too.
    const ProtocolFault fault =
        std::exchange(cluster::planted_protocol_fault, ProtocolFault::kNone);
    Begin(world);
    cluster::planted_protocol_fault = fault;
    for (size_t node = 0; node < 3; ++node) {
      world->data(node).set_loss(SimulatedNode::Loss::kAll);
      world->Crash(node);
    }
    for (size_t node = 0; node < 3; ++node) world->Restart(node);
    world->Run(Millis(20000));
    if (!world->Acting(kShard).has_value()) world->Violate("nobody stands");
  });
}

// 0 comes back with nothing; 1, which was never written into the register, has data, and answers
// late.
TEST_F(InterleavingTest, empty_newcomer) {
  ExpectNeeded(ProtocolFault::kEmptyNodeStands, OneShard(2), [](ClusterWorld* world) {
    world->network().set_fate([](size_t from, size_t, const PeerMessage& message) {
      const auto* const prepare = std::get_if<cluster::Prepare>(&message);
      const bool names_able = from == 0 && prepare != nullptr && !prepare->election.has_value();
      if (names_able) return std::optional<Millis>();
      return std::optional(IsOneOf<cluster::Endorse>(message) ? Millis(300) : Millis(0));
    });
    Begin(world);
    ASSERT_TRUE(WriteTo(world, 0, "w", 0));
    world->Run(Millis(500));
    const uint64_t end = world->node(1).keyspace().end();
    world->data(0).set_loss(SimulatedNode::Loss::kAll);
    world->Crash(0);
    world->Restart(0);
    ASSERT_TRUE(
        world->RunUntil([world] { return world->Acting(kShard).has_value(); }, Millis(20000)));
    if (world->node(*world->Acting(kShard)).keyspace().end() < end) {
      world->Violate("an empty node leads");
    }
  });
}

// 5 is forgotten, of which 1 has not heard when 5 comes back to it.
TEST_F(InterleavingTest, forget_does_not_hold) {
  WorldOptions options = OneShard(1);
  options.shards = 3;
  ExpectNeeded(ProtocolFault::kForgetDoesNotHold, options, [](ClusterWorld* world) {
    Begin(world);
    world->Crash(5);
    const cluster::NodeId forgotten = world->process(5).id();
    for (const size_t other : {0, 2, 3, 4}) BlockBoth(world, 1, other);
    world->Command(0, cluster::ForgetCommand{forgotten});
    world->Restart(5);
    world->Run(Millis(600));
    world->Heal();
    world->Run(Millis(8000));
    for (size_t node = 0; node < 5; ++node) {
      const cluster::Member* const member =
          world->process(node).node().core().table.Find(forgotten);
      if (member == nullptr || !member->is_forgotten) world->Violate("it is a member again");
    }
  });
}

// 1 dies and is succeeded; a while later 2 dies. All data lives.
TEST_F(InterleavingTest, dead_voters_stay) {
  WorldOptions options = OneShard(1);
  options.shards = 3;
  ExpectNeeded(ProtocolFault::kDeadVotersStay, options, [](ClusterWorld* world) {
    Begin(world);
    world->Crash(1);
    world->Run(Millis(15000));
    world->Crash(2);
    world->Run(Millis(15000));
    if (!world->IsServed()) world->Violate("a shard is not served");
  });
}

// The disk of a replica hangs, so it never endorses; then its primary dies.
TEST_F(InterleavingTest, hung_replica) {
  WorldOptions options = OneShard(2);
  options.shards = 3;
  ExpectNeeded(ProtocolFault::kHungIsWell, options, [](ClusterWorld* world) {
    Begin(world);
    world->process(6).set_disk_hangs(true);
    world->Run(Millis(500));
    world->process(6).set_is_well(false);
    world->Run(Millis(1000));
    world->Crash(0);
    world->Run(Millis(20000));
    if (!world->IsServed()) world->Violate("a shard is not served");
  });
}

// 0, 1 and 2 take part in one founding, 3, 4 and 5 in another; four are needed.
TEST_F(InterleavingTest, two_halves_found) {
  WorldOptions options = OneShard(2);
  options.shards = 2;
  options.is_founded = false;
  ExpectNeeded(ProtocolFault::kFirstFoundingBinds, options, [](ClusterWorld* world) {
    const auto is_of_founding = [](const PeerMessage& message) {
      const auto* const prepare = std::get_if<cluster::Prepare>(&message);
      return prepare != nullptr && prepare->key.kind == cluster::RegisterKey::Kind::kFounding;
    };
    bool are_apart = true;
    // All know all.
    world->network().set_fate([&](size_t from, size_t to, const PeerMessage& message) {
      const bool is_lost = are_apart && is_of_founding(message) && (from < 3) != (to < 3);
      return is_lost ? std::nullopt : std::optional(Millis(0));
    });
    world->Start();
    const auto takes_part = [world](size_t node) {
      const auto& acceptor = world->process(node).node().core().acceptor;
      return acceptor.At(cluster::RegisterKey::OfFounding()).promised.is_set();
    };
    ASSERT_TRUE(world->RunUntil([&] { return takes_part(0) && takes_part(5); }, Millis(20000)));
    world->Run(Millis(1000));
    are_apart = false;
    world->Run(Millis(40000));
    if (!world->IsServed()) world->Violate("nobody has four");
  });
}

// The primary, cut off, begins again and again under higher epochs; the other takes over, which it
// knows nothing of.
TEST_F(InterleavingTest, epochs_without_a_vote) {
  ExpectNeeded(ProtocolFault::kTakeOverBelow, OneShard(1), [](ClusterWorld* world) {
    Begin(world);
    BlockBoth(world, 0, 1);
    for (int i = 0; i < 4; ++i) {
      world->Crash(0);
      world->Restart(0);
      world->Run(Millis(2500));
    }
    world->Crash(0);
    world->Command(1, cluster::TakeOverCommand{});
    if (!world->RunUntil([world] { return world->Acting(kShard) == 1; }, Millis(4000))) return;
    ASSERT_TRUE(WriteTo(world, 1, "w", 0));
    const uint64_t end = world->node(1).keyspace().end();
    world->Restart(0);
    world->Heal();
    world->Run(Millis(8000));
    if (world->Acting(kShard) != 1) world->Violate("who took over does not lead");
    if (world->node(1).keyspace().end() < end) world->Violate("what it took was wiped");
  });
}

// Of two nodes one has handed over, and ends.
TEST_F(InterleavingTest, go_forgotten) {
  ExpectNeeded(ProtocolFault::kDeadVotersStay, OneShard(1), [](ClusterWorld* world) {
    Begin(world);
    world->Command(1, cluster::FailoverCommand{ElectionKind::kPlanned});
    ASSERT_TRUE(world->RunUntil([world] { return world->Acting(kShard) == 1; }, Millis(3000)));
    world->Run(Millis(500));
    world->Crash(0);
    world->Run(Millis(3000));
    if (world->Acting(kShard) != 1) world->Violate("the successor does not lead for good");
  });
}

}  // namespace
}  // namespace larder::simulation
