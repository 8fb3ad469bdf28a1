#include "server/replication/replicator.h"

#include <gmock/gmock.h>

#include <future>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/replication/threaded_node.h"

namespace larder::server {
namespace {

TEST(ReplicatorTest, AReplicaFollowsWhileOthersWrite) {
  LocalNetwork network;
  ThreadedNode primary(1, &network);
  ThreadedNode replica(2, &network);
  primary.Write(1, 5000);
  ASSERT_TRUE(replica.ReplicaOf("1").ok());
  std::thread writer([&] { primary.Write(2, 20000); });
  std::thread other([&] { primary.Write(3, 20000); });
  writer.join();
  other.join();
  Settle(primary, replica);
  EXPECT_EQ(replica.content(), primary.content());
  EXPECT_FALSE(replica.Set("k", "v")) << "a replica writes only what it is told";
  EXPECT_EQ(primary.Report().counts.copied_anew, 1u);
}

TEST(ReplicatorTest, WhatIsWrittenInARestGoesTogetherUnlessSomebodyWaits) {
  LocalNetwork network;
  ThreadedNode primary(1, &network, {}, std::chrono::hours(1));
  ThreadedNode replica(2, &network);
  ASSERT_TRUE(replica.ReplicaOf("1").ok());
  Settle(primary, replica);
  // What was all sent makes the log rest.
  uint64_t sent = 0;
  do {
    ASSERT_TRUE(primary.Set("k", "v"));
    primary.Report();  // there was a turn since
    const ReplicationStatus status = primary.Report();
    sent = status.replicas.at(0).link.sent;
  } while (sent == primary.Report().log_end);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(primary.Set("k", std::to_string(i)));
  for (int i = 0; i < 100; ++i) ASSERT_EQ(primary.Report().replicas.at(0).link.sent, sent);
  std::promise<storage::PositionWaiters::Result> reached;
  primary.acks().Wait(1, primary.acks().opening(), primary.Report().log_end,
                      storage::TimePoint::max(),
                      [&reached](auto result) { reached.set_value(result); });
  EXPECT_EQ(reached.get_future().get(), storage::PositionWaiters::Result::kReached);
  Settle(primary, replica);
  EXPECT_EQ(replica.content(), primary.content());
}

TEST(ReplicatorTest, CutsWhileOthersWrite) {
  LocalNetwork network;
  ThreadedNode primary(1, &network);
  ThreadedNode replica(2, &network);
  primary.Write(1, 5000);
  ASSERT_TRUE(replica.ReplicaOf("1").ok());
  for (int i = 0; i < 5; ++i) {
    std::thread writer([&] { primary.Write(10 + i, 3000); });
    network.CutAll();
    writer.join();
    Settle(primary, replica);
    ASSERT_EQ(replica.content(), primary.content());
  }
  EXPECT_EQ(primary.Report().replicas.size(), 1u);
}

TEST(ReplicatorTest, WhatAReplicaHasIsNotLostWhileItsLinkIsCut) {
  LocalNetwork network;
  ThreadedNode primary(1, &network);
  ThreadedNode replica(2, &network);
  EXPECT_TRUE(primary.Report().LossOfFailover().everything);
  primary.Write(1, 1000);
  ASSERT_TRUE(replica.ReplicaOf("1").ok());
  Settle(primary, replica);
  while (primary.Report().LossOfFailover().sequences > 0) std::this_thread::yield();
  network.SetDown(true);
  while (!primary.Report().replicas.empty()) std::this_thread::yield();
  FailoverLoss loss = primary.Report().LossOfFailover();
  EXPECT_FALSE(loss.everything);
  EXPECT_EQ(loss.sequences, 0u);
  EXPECT_TRUE(loss.at_least);
  const uint64_t end = primary.Report().log_end;
  primary.Write(2, 100);
  loss = primary.Report().LossOfFailover();
  EXPECT_EQ(loss.sequences, primary.Report().log_end - end);
  // The log, which is of 4 MiB, does not reach back any more.
  primary.Write(3, 40000);
  EXPECT_TRUE(primary.Report().LossOfFailover().everything);
}

TEST(ReplicatorTest, APromotedReplicaLeadsAndItsSiblingGoesOn) {
  LocalNetwork network;
  ThreadedNode primary(1, &network);
  ThreadedNode first(2, &network);
  ThreadedNode second(3, &network);
  primary.Write(1, 5000);
  ASSERT_TRUE(first.ReplicaOf("1").ok());
  ASSERT_TRUE(second.ReplicaOf("1").ok());
  Settle(primary, first);
  Settle(primary, second);
  ASSERT_TRUE(first.ReplicaOf(std::nullopt).ok());
  EXPECT_TRUE(first.Set("new", "value"));
  ASSERT_TRUE(second.ReplicaOf("2").ok());
  Settle(first, second);
  EXPECT_EQ(second.content(), first.content());
  EXPECT_EQ(first.Report().counts.copied_anew, 0u);
  EXPECT_EQ(first.Report().counts.continued, 1u);
  // The old primary, which has written on, becomes a replica.
  primary.Write(5, 100);
  ASSERT_TRUE(primary.ReplicaOf("2").ok());
  Settle(first, primary);
  EXPECT_EQ(primary.content(), first.content());
}

TEST(ReplicatorTest, AReplicaOfAReplica) {
  LocalNetwork network;
  ThreadedNode primary(1, &network);
  ThreadedNode middle(2, &network);
  ThreadedNode last(3, &network);
  primary.Write(1, 5000);
  ASSERT_TRUE(last.ReplicaOf("2").ok());
  ASSERT_TRUE(middle.ReplicaOf("1").ok());
  primary.Write(2, 2000);
  Settle(primary, middle);
  Settle(middle, last);
  primary.Write(3, 2000);
  Settle(primary, middle);
  Settle(middle, last);
  EXPECT_EQ(middle.content(), primary.content());
  EXPECT_EQ(last.content(), primary.content());
}

TEST(ReplicatorTest, AReplicaThatIsCutOffLagsInTimeAndOneThatHasAllDoesNot) {
  LocalNetwork network;
  ThreadedNode primary(1, &network);
  ThreadedNode replica(2, &network);
  primary.Write(1, 100);
  ASSERT_TRUE(replica.ReplicaOf("1").ok());
  Settle(primary, replica);
  const auto lag = [&primary]() -> std::optional<cluster::Millis> {
    const ReplicationStatus status = primary.Report();
    return status.replicas.empty() ? std::nullopt : status.replicas[0].lag;
  };
  // Its acknowledgement comes a moment later.
  while (lag() != cluster::Millis(0)) std::this_thread::yield();
  EXPECT_EQ(replica.Report().lag, cluster::Millis(0));
  network.SetHeld(true);
  primary.Write(2, 100);
  while (lag() < cluster::Millis(50)) std::this_thread::yield();
  network.SetHeld(false);
  Settle(primary, replica);
  while (lag() != cluster::Millis(0)) std::this_thread::yield();
}

TEST(ReplicatorTest, TellsOfWritesThatWaitForRoom) {
  class Done final : public HeldWrites::Write {
   public:
    void Run() override {}
    void Fail(const absl::Status&) override {}
    std::string_view operation() const override { return "Set"; }
    size_t bytes() const override { return 100; }
  };
  LocalNetwork network;
  ThreadedNode node(1, &network);
  ASSERT_TRUE(node.held_writes().Reserve(100).ok());
  ReplicationStatus status = node.Report();
  EXPECT_EQ(status.writers_waiting, 1u);
  EXPECT_EQ(status.writers_waiting_bytes, 100u);
  EXPECT_EQ(status.writers_held, 1u);
  EXPECT_EQ(status.writers_refused, 0u);
  EXPECT_FALSE(node.held_writes().Reserve(uint64_t{1} << 40).ok());
  EXPECT_EQ(node.Report().writers_refused, 1u);
  node.held_writes().Add(std::make_unique<Done>(), storage::TimePoint());
  while (node.Report().writers_waiting > 0) std::this_thread::yield();
  status = node.Report();
  EXPECT_EQ(status.writers_waiting_bytes, 0u);
  EXPECT_EQ(status.writers_held, 1u);
}

TEST(ReplicatorTest, TellsOfValuesThatTheLogHoldsForNoEntry) {
  constexpr size_t kLarge = size_t{100} << 10;
  LocalNetwork network;
  ThreadedNode primary(1, &network);
  ThreadedNode replica(2, &network);
  EXPECT_EQ(primary.Report().log_held_bytes, 0u) << "there is no log";
  ASSERT_TRUE(replica.ReplicaOf("1").ok());
  ASSERT_TRUE(primary.Set("k", std::string(kLarge, 'a')));
  Settle(primary, replica);
  // Before the log was open, or in it: it is the entry's.
  EXPECT_EQ(primary.Report().log_held_bytes, 0u);
  ASSERT_TRUE(primary.Set("k", std::string(kLarge, 'b')));
  ASSERT_TRUE(primary.Set("k", std::string(kLarge, 'c')));
  Settle(primary, replica);
  for (ThreadedNode* node : {&primary, &replica}) {
    EXPECT_GE(node->Report().log_held_bytes, kLarge * 9 / 10);
    EXPECT_LE(node->Report().log_held_bytes, kLarge * 2);
  }
}

TEST(ReplicatorTest, AReplicaThatDoesNotTakeALargeRecordSaysSoAndKeepsWhatItHas) {
  LocalNetwork network;
  ThreadedNode primary(1, &network);
  ThreadedNode replica(2, &network);
  network.SetPayloadMax(50000);
  ASSERT_TRUE(replica.ReplicaOf("1").ok());
  ASSERT_TRUE(primary.Set("k", "small"));
  Settle(primary, replica);
  const Content before = replica.content();
  ASSERT_TRUE(primary.Set("large", std::string(60000, 'v')));
  while (replica.Report().sink.trouble != cluster::SinkTrouble::kProtocol) {
    std::this_thread::yield();
  }
  EXPECT_EQ(replica.Report().sink.detail, "the payload is too long");
  EXPECT_EQ(replica.content(), before);
  EXPECT_TRUE(primary.Set("k", "goes on"));
  // It is asked to try at once, with another limit.
  network.SetPayloadMax(100000);
  ASSERT_TRUE(replica.ReplicaOf("1").ok());
  Settle(primary, replica);
  EXPECT_EQ(replica.content(), primary.content());
}

TEST(ReplicatorTest, WhatItsSourcesEpochDidNotReachIsLostBeforeTheNextOneHasARecord) {
  LocalNetwork network;
  ThreadedNode primary(1, &network);
  ThreadedNode heir(2, &network);
  ThreadedNode replica(3, &network);
  ASSERT_TRUE(heir.ReplicaOf("1").ok());
  ASSERT_TRUE(primary.Set("k", "v"));
  Settle(primary, heir);
  ASSERT_TRUE(replica.ReplicaOf("2").ok());
  ASSERT_TRUE(primary.Set("k", "w"));
  Settle(primary, heir);
  Settle(heir, replica);
  cluster::Position position = *replica.Report().position;
  EXPECT_EQ(replica.replicated().Reached(position), cluster::History::Reach::kReached);
  position.sequence += 100;
  EXPECT_EQ(replica.replicated().Reached(position), cluster::History::Reach::kNotYet);
  ASSERT_TRUE(heir.ReplicaOf(std::nullopt).ok());
  while (replica.replicated().Reached(position) != cluster::History::Reach::kLost) {
    std::this_thread::yield();
  }
  EXPECT_EQ(replica.Report().position->epoch, position.epoch);
}

TEST(ReplicatorTest, NodesThatFollowEachOtherAreNotHarmed) {
  LocalNetwork network;
  ThreadedNode one(1, &network);
  ThreadedNode two(2, &network);
  one.Write(1, 100);
  const Content before = one.content();
  ASSERT_TRUE(one.ReplicaOf("2").ok());
  ASSERT_TRUE(two.ReplicaOf("1").ok());
  ASSERT_TRUE(one.ReplicaOf("1").ok());  // itself
  std::this_thread::yield();
  ASSERT_TRUE(one.ReplicaOf(std::nullopt).ok());
  EXPECT_TRUE(one.Set("k", "v"));
  Settle(one, two);
  EXPECT_EQ(two.content(), one.content());
}

TEST(ReplicatorTest, APrimaryWhoseStateCannotBeWrittenHasNoReplicaYet) {
  LocalNetwork network;
  ThreadedNode primary(1, &network);
  ThreadedNode replica(2, &network);
  primary.Write(1, 100);
  primary.SetDiskFails(true);
  ASSERT_TRUE(replica.ReplicaOf("1").ok());
  while (replica.Report().sink.refused != cluster::Refuse::Reason::kNotReady) {
    std::this_thread::yield();
  }
  EXPECT_FALSE(primary.Report().has_log);
  EXPECT_THAT(primary.Notices(),
              testing::Contains(testing::HasSubstr("cannot be written to disk, and until it is "
                                                   "nothing is done or said that depends on it: "
                                                   "no disk")));
  EXPECT_TRUE(primary.Set("k", "v")) << "it leads, without a log";
  primary.SetDiskFails(false);
  Settle(primary, replica);
  EXPECT_EQ(replica.content(), primary.content());
  EXPECT_EQ(primary.DurableFence(), primary.Report().epoch);
}

TEST(ReplicatorTest, AReplicaWhoseStateCannotBeWrittenFollowsOnInsteadOfLeading) {
  LocalNetwork network;
  ThreadedNode primary(1, &network);
  ThreadedNode replica(2, &network);
  primary.Write(1, 100);
  ASSERT_TRUE(replica.ReplicaOf("1").ok());
  Settle(primary, replica);
  replica.SetDiskFails(true);
  const absl::Status status = replica.ReplicaOf(std::nullopt);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_FALSE(replica.ReplicaOf(std::nullopt).ok()) << "nor is it said the second time";
  EXPECT_FALSE(replica.Set("k", "v"));
  EXPECT_TRUE(primary.Set("k", "v"));
  Settle(primary, replica);
  replica.SetDiskFails(false);
  while (!replica.ReplicaOf(std::nullopt).ok()) std::this_thread::yield();
  EXPECT_TRUE(replica.Set("k", "of another"));
  EXPECT_EQ(replica.DurableFence(), replica.Report().epoch);
  ASSERT_TRUE(primary.ReplicaOf("2").ok());
  Settle(replica, primary);
  EXPECT_EQ(replica.content(), primary.content());
}

// It was told of an epoch that it cannot note: it neither applies nor acknowledges anything of it.
TEST(ReplicatorTest, AReplicaWhoseStateCannotBeWrittenSaysNothing) {
  LocalNetwork network;
  ThreadedNode primary(1, &network);
  ThreadedNode first(2, &network);
  ThreadedNode second(3, &network);
  primary.Write(1, 100);
  ASSERT_TRUE(first.ReplicaOf("1").ok());
  ASSERT_TRUE(second.ReplicaOf("1").ok());
  Settle(primary, first);
  Settle(primary, second);
  ASSERT_TRUE(first.ReplicaOf(std::nullopt).ok());
  second.SetDiskFails(true);
  ASSERT_TRUE(second.ReplicaOf("2").ok());
  EXPECT_TRUE(first.Set("k", "v"));
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(first.Report().replicas.empty());
  }
  second.SetDiskFails(false);
  Settle(first, second);
  EXPECT_EQ(second.content(), first.content());
}

TEST(ReplicatorTest, APrimaryThatWasReplacedGivesUpItsAuthority) {
  LocalNetwork network;
  ThreadedNode primary(1, &network);
  ThreadedNode first(2, &network);
  ThreadedNode second(3, &network);
  primary.replicator().Begin(Replicator::Beginning::kNew);
  primary.Write(1, 100);
  ASSERT_TRUE(first.ReplicaOf("1").ok());
  ASSERT_TRUE(second.ReplicaOf("1").ok());
  Settle(primary, first);
  Settle(primary, second);
  ASSERT_TRUE(first.ReplicaOf(std::nullopt).ok());
  ASSERT_TRUE(second.ReplicaOf("2").ok());
  Settle(first, second);
  EXPECT_TRUE(primary.Set("k", "nobody has told it"));
  // The second comes back to the old one, without an operator's word.
  primary.AlsoAt("2");
  network.CutAll();
  while (!primary.Report().was_stopped) std::this_thread::yield();
  EXPECT_FALSE(primary.Set("k", "of one that was replaced"));
  EXPECT_THAT(
      primary.Notices(),
      testing::Contains(testing::HasSubstr("fenced by epoch " + first.Report().epoch.ToText())));
  EXPECT_TRUE(primary.Report().replicas.empty());
  EXPECT_GE(primary.DurableFence(), first.Report().epoch);
  EXPECT_EQ(primary.Report().role(), ReplicationStatus::Role::kStopped);
  EXPECT_EQ(primary.ToldLeader(), (Leader{.is_here = false})) << "nor does it answer reads";
  // An operator says that it leads all the same.
  ASSERT_TRUE(primary.ReplicaOf(std::nullopt).ok());
  EXPECT_FALSE(primary.Report().was_stopped);
  EXPECT_EQ(primary.ToldLeader(), Leader{});
  EXPECT_TRUE(primary.Set("k", "of the operator's choice"));
  EXPECT_GT(primary.Report().epoch, first.Report().epoch);
  EXPECT_EQ(primary.DurableFence(), primary.Report().epoch);
  ASSERT_TRUE(first.ReplicaOf("1").ok());
  Settle(primary, first);
  EXPECT_EQ(first.content(), primary.content());
}

// Rule 1: only what continues its own right raises the incarnation.
TEST(ReplicatorTest, APrimaryThatWasReplacedIsSoAfterARestart) {
  LocalNetwork network;
  const cluster::Epoch of_other{2, 0, cluster::NodeId{0, 2}};
  ThreadedNode primary(1, &network, {.fence = of_other});
  primary.replicator().Begin(Replicator::Beginning::kLedBefore);
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(primary.Report().role(), ReplicationStatus::Role::kStopped);
    ASSERT_FALSE(primary.Set("k", "v"));
  }
  EXPECT_EQ(primary.ToldLeader(), (Leader{.is_here = false}));
  ASSERT_TRUE(primary.ReplicaOf(std::nullopt).ok());
  EXPECT_TRUE(primary.Set("k", "of the operator's choice"));
  EXPECT_GT(primary.Report().epoch, of_other);
  EXPECT_EQ(primary.Report().epoch.node, primary.Report().node);
  EXPECT_EQ(primary.ToldLeader(), Leader{});
}

TEST(ReplicatorTest, APrimaryThatWasReplacedMayFollowAfterARestart) {
  LocalNetwork network;
  ThreadedNode other(2, &network);
  other.Write(1, 100);
  ThreadedNode primary(1, &network, {.fence = {2, 0, cluster::NodeId{0, 2}}});
  primary.replicator().Begin(Replicator::Beginning::kLedBefore);
  ASSERT_TRUE(primary.ReplicaOf("2").ok());
  Settle(other, primary);
  EXPECT_EQ(primary.Report().role(), ReplicationStatus::Role::kReplica);
  ThreadedNode last(3, &network);
  ASSERT_TRUE(last.ReplicaOf("1").ok());
  Settle(primary, last);
  EXPECT_EQ(last.content(), other.content());
}

TEST(ReplicatorTest, APrimaryThatIsStartedAgainLeadsAsBefore) {
  LocalNetwork network;
  const cluster::Epoch own{2, 0, cluster::NodeId{0, 1}};
  ThreadedNode primary(1, &network, {.fence = own});
  primary.replicator().Begin(Replicator::Beginning::kLedBefore);
  while (primary.ToldLeader() != Leader{}) std::this_thread::yield();
  EXPECT_TRUE(primary.Set("k", "v"));
  ThreadedNode replica(2, &network);
  ASSERT_TRUE(replica.ReplicaOf("1").ok());
  Settle(primary, replica);
  EXPECT_EQ(primary.Report().epoch, own.NextIncarnation(own.node));
}

TEST(ReplicatorTest, EndsWhileAllIsUnderWay) {
  for (int i = 0; i < 20; ++i) {
    LocalNetwork network;
    ThreadedNode primary(1, &network);
    primary.Write(1, 1000);
    ThreadedNode replica(2, &network);
    ASSERT_TRUE(replica.ReplicaOf("1").ok());
    primary.Write(2, 100 * i);
  }
}

}  // namespace
}  // namespace larder::server
