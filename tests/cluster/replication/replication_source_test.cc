#include "tests/cluster/replication/replication_source_test.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace larder::cluster {
namespace {

TEST_F(ReplicationSourceTest, ContinuesWhoIsInItsHistoryAndItsLog) {
  SetMany(10);
  const Outgoing outgoing = Greet(HelloAt(kReplica, kEpoch, 5));
  EXPECT_EQ(Kind(outgoing), Welcome::Kind::kContinue);
  EXPECT_EQ(Of<Welcome>(outgoing).from, 5u);
  Of<Heartbeat>(Next());
  EXPECT_EQ(Of<LogBatch>(Next()).from, 5u);
}

TEST_F(ReplicationSourceTest, CopiesToWhoCannotHoldWhatTheLogLeadsTo) {
  SetMany(10);
  Hello hello = HelloAt(kReplica, kEpoch, 5);
  hello.wants_copy = true;
  EXPECT_EQ(Kind(Greet(hello)), Welcome::Kind::kCopyAnew);
  // One that was cut goes on.
  hello.copy = CopyProgress{1, {kEpoch, 7}, "", std::nullopt, "", {kEpoch, 7}};
  EXPECT_EQ(Kind(Greet(hello, LinkId{2})), Welcome::Kind::kCopyOnward);
  EXPECT_EQ(source_.counts().continued, 0u);
}

TEST_F(ReplicationSourceTest, CopiesToWhoFellOffTheLog) {
  SetMany(200);
  const Outgoing outgoing = Greet(HelloAt(kReplica, kEpoch, 5));
  EXPECT_EQ(Kind(outgoing), Welcome::Kind::kCopyAnew);
  EXPECT_EQ(Of<Welcome>(outgoing).detail,
            absl::StrCat("it is at ", kEpoch.ToText(), "/5, and the log here reaches back to ",
                         feed_.LogOldest(), " only"));
  EXPECT_EQ(source_.counts().copied_anew, 1u);
}

TEST_F(ReplicationSourceTest, TellsWhyItCopies) {
  SetMany(10);
  EXPECT_EQ(Of<Welcome>(Greet(HelloAt(kReplica, kEpoch, 5))).detail, "");
  EXPECT_EQ(Of<Welcome>(Greet(HelloOf(kReplica), LinkId{2})).detail, "it has no data yet");
  EXPECT_EQ(Of<Welcome>(Greet(HelloAt(kReplica, kEpoch, 500), LinkId{3})).detail,
            absl::StrCat("it is at ", kEpoch.ToText(),
                         "/500, and went on where the data here did "
                         "not"));
}

TEST_F(ReplicationSourceTest, CopiesToWhoDiverged) {
  SetMany(10);
  const Epoch before{1, 0, kReplica};
  Hello hello = HelloAt(kReplica, before, 5);
  hello.commanded = true;
  const Outgoing outgoing = Greet(hello);
  EXPECT_EQ(Kind(outgoing), Welcome::Kind::kCopyAnew);
  EXPECT_EQ(Of<Welcome>(outgoing).detail,
            absl::StrCat("it is at ", before.ToText(),
                         "/5, an epoch that the data here did not go through"));
}

TEST_F(ReplicationSourceTest, RefusesWithTheReason) {
  Hello other_version = HelloOf(kReplica);
  other_version.version = 9;
  ExpectRefused(other_version, Refuse::Reason::kVersion, LinkId{2});
  ExpectRefused(HelloOf(kSelf), Refuse::Reason::kSelf, LinkId{3});
  condition_.is_ready = false;
  ExpectRefused(HelloOf(kReplica), Refuse::Reason::kNotReady, LinkId{4});
  condition_.is_ready = true;
  condition_.upstream = {kOther, kReplica};
  ExpectRefused(HelloOf(kReplica), Refuse::Reason::kCycle, LinkId{5});
  condition_.upstream.assign(kChainMax, kOther);
  ExpectRefused(HelloOf(kReplica), Refuse::Reason::kCycle, LinkId{6});
  EXPECT_EQ(source_.counts().refused, 5u);
}

TEST_F(ReplicationSourceTest, RefusesOneReplicaTooMany) {
  Greet(HelloOf(kReplica), LinkId{1});
  Greet(HelloOf(kOther), LinkId{2});
  ExpectRefused(HelloOf(NodeId{9, 9}), Refuse::Reason::kTooManyReplicas, LinkId{3});
  Greet(HelloOf(kOther), LinkId{4});
  EXPECT_EQ(Next(LinkId{2}).close, CloseReason::kReplaced) << "the same replica on a new stream";
}

TEST_F(ReplicationSourceTest, WhoBeganEmptyDoesNotWipeWhatItNeverHad) {
  const Hello hello = HelloAt(kReplica, Epoch{1, 0, kOther}, 500);
  ExpectRefused(hello, Refuse::Reason::kRestartedEmpty, LinkId{1});
  Hello commanded = hello;
  commanded.commanded = true;
  EXPECT_EQ(Kind(Greet(commanded, LinkId{2})), Welcome::Kind::kCopyAnew);
}

TEST_F(ReplicationSourceTest, AHigherFenceOfItsOwnHistoryStopsIt) {
  SetMany(3);
  Greet(HelloAt(kReplica, kEpoch, 1), LinkId{1});
  Drain(LinkId{1});
  ASSERT_TRUE(Acknowledge(3, LinkId{1}).ok());
  Hello fenced = HelloAt(kOther, kEpoch, 2);
  fenced.fence = {5, 0, kOther};
  ExpectRefused(fenced, Refuse::Reason::kFenced, LinkId{2});
  EXPECT_TRUE(source_.stopped());
  EXPECT_EQ(state_.fence(), fenced.fence);
  EXPECT_EQ(Next(LinkId{1}).close, CloseReason::kStopped);
  source_.Open(state_.fence().NextTerm(kSelf), keyspace_.end());
  EXPECT_FALSE(source_.stopped());
}

TEST_F(ReplicationSourceTest, AStrangersFenceDoesNotStopIt) {
  Hello fenced = HelloAt(kOther, {5, 0, kOther}, 2);
  ExpectRefused(fenced, Refuse::Reason::kFenced);
  EXPECT_FALSE(source_.stopped());
}

TEST_F(ReplicationSourceTest, AnOperatorsWordRaisesTheEpochInstead) {
  Hello fenced = HelloOf(kOther);
  fenced.fence = {5, 0, kOther};
  fenced.commanded = true;
  ExpectRefused(fenced, Refuse::Reason::kFenced);
  EXPECT_FALSE(source_.stopped());
  ASSERT_EQ(source_.epoch_to_exceed(), fenced.fence);
  source_.Open(fenced.fence.NextTerm(kSelf), keyspace_.end());
  EXPECT_FALSE(source_.epoch_to_exceed().has_value());
  EXPECT_EQ(Kind(Greet(fenced, LinkId{2})), Welcome::Kind::kCopyAnew);
}

TEST_F(ReplicationSourceTest, AcknowledgesWhatEnoughReplicasHave) {
  SetMany(10);
  const uint64_t end = keyspace_.end();
  Greet(HelloAt(kReplica, kEpoch, 1), LinkId{1});
  Greet(HelloAt(kOther, kEpoch, 1), LinkId{2});
  Drain(LinkId{1});
  Drain(LinkId{2});
  EXPECT_EQ(source_.AckedSequence(1), 0u);
  ASSERT_TRUE(Acknowledge(end, LinkId{1}).ok());
  ASSERT_TRUE(Acknowledge(5, LinkId{2}).ok());
  EXPECT_EQ(source_.AckedSequence(1), end);
  EXPECT_EQ(source_.AckedSequence(2), 5u);
  EXPECT_EQ(source_.AckedSequence(3), 0u);
  EXPECT_EQ(source_.ConnectedInTime(At(1000)), 2u);
  EXPECT_EQ(source_.ConnectedInTime(At(1001)), 0u);
  source_.Disconnect(LinkId{1}, &feed_);
  ASSERT_TRUE(Acknowledge(7, LinkId{2}).ok());
  EXPECT_EQ(source_.AckedSequence(1), end) << "never falls";
  EXPECT_EQ(source_.AckedSequence(2), 5u) << "two had no more at one time";
  source_.Close(end);
  EXPECT_EQ(source_.AckedSequence(1), 0u) << "who leads no more promises nothing";
}

TEST_F(ReplicationSourceTest, AcknowledgementsOfAnotherLogCountForNothing) {
  SetMany(10);
  Greet(HelloAt(kReplica, kEpoch, 1));
  Drain();
  ASSERT_TRUE(Acknowledge(keyspace_.end()).ok());
  source_.OpenAnew(kEpoch.NextIncarnation(kSelf), 1);
  EXPECT_TRUE(Acknowledge(keyspace_.end()).ok()) << "it does not know yet";
  EXPECT_EQ(source_.AckedSequence(1), 0u);
  EXPECT_EQ(source_.ConnectedInTime(At(0)), 0u);
  EXPECT_EQ(Next().close, CloseReason::kDataReplaced);
}

TEST_F(ReplicationSourceTest, RefusesAcknowledgementsThatCannotBe) {
  SetMany(10);
  Greet(HelloAt(kReplica, kEpoch, 1));
  EXPECT_FALSE(Acknowledge(5).ok()) << "it was not sent";
  EXPECT_EQ(Next().close, CloseReason::kProtocol);

  Greet(HelloAt(kReplica, kEpoch, 1), LinkId{2});
  Drain(LinkId{2});
  EXPECT_TRUE(Acknowledge(5, LinkId{2}).ok());
  EXPECT_FALSE(Acknowledge(4, LinkId{2}).ok()) << "it falls";

  Greet(HelloAt(kReplica, kEpoch, 1), LinkId{3});
  Drain(LinkId{3});
  const Ack wrong{.applied = Position{Epoch{1, 0, kOther}, 5}};
  EXPECT_FALSE(source_.Receive(LinkId{3}, wrong, At(0)).ok()) << "another epoch's record";

  Greet(HelloOf(kReplica), LinkId{4});
  EXPECT_FALSE(Acknowledge(5, LinkId{4}).ok()) << "it is copying";
  EXPECT_EQ(source_.AckedSequence(1), 5u);
}

TEST_F(ReplicationSourceTest, ASilentLinkIsOverdueAndSoIsACopyThatIsNotTaken) {
  SetMany(30);
  Greet(HelloAt(kReplica, kEpoch, 1), LinkId{1});
  EXPECT_TRUE(source_.Overdue(At(5000)).empty());
  ASSERT_EQ(source_.Overdue(At(5001)).size(), 1u);
  EXPECT_EQ(source_.Overdue(At(5001))[0].second, CloseReason::kSilent);
  Greet(HelloOf(kOther), LinkId{2});
  ASSERT_EQ(source_.Overdue(At(1001)).size(), 1u);
  EXPECT_EQ(source_.Overdue(At(1001))[0],
            (std::pair<LinkId, CloseReason>(LinkId{2}, CloseReason::kStalled)));
}

TEST_F(ReplicationSourceTest, WhoFallsBehindIsClosed) {
  Greet(HelloAt(kReplica, kEpoch, 1));
  SetMany(300);
  Of<Heartbeat>(Next());
  EXPECT_EQ(Next().close, CloseReason::kFellBehind);
  EXPECT_EQ(source_.counts().fell_behind, 1u);
}

TEST_F(ReplicationSourceTest, OneThatWasStoppedRaisesNoEpochByItself) {
  const Epoch next{3, 0, kOther};
  Hello commanded = HelloAt(kOther, next, 1);
  commanded.commanded = true;
  ExpectRefused(commanded, Refuse::Reason::kFenced, LinkId{2});
  EXPECT_EQ(source_.epoch_to_exceed(), next);
  Hello sibling = HelloAt(kReplica, kEpoch, 1);
  sibling.fence = next;
  ExpectRefused(sibling, Refuse::Reason::kFenced, LinkId{3});
  EXPECT_TRUE(source_.stopped());
  EXPECT_FALSE(source_.epoch_to_exceed().has_value());
  ExpectRefused(commanded, Refuse::Reason::kStopped, LinkId{4});
  EXPECT_FALSE(source_.epoch_to_exceed().has_value());
  source_.Open(next.NextTerm(kSelf), 1);
  EXPECT_FALSE(source_.stopped());
}

TEST_F(ReplicationSourceTest, AfterARestartKnowsWhoIsAhead) {
  ReplicationState state(kSelf, state_.Unsaved().value(), 40);
  ReplicationSource source(SmallOptions(), &state);
  condition_.is_ready = false;
  source.Connect(kLink, At(0));
  ASSERT_TRUE(source.Receive(kLink, HelloAt(kReplica, kEpoch, 45), At(0)).ok());
  EXPECT_EQ(Of<Refuse>(source.Next(kLink, &feed_, 100, condition_)).reason,
            Refuse::Reason::kNotReady);
  // Of an epoch that this node knew of, and has nothing of.
  source.Connect(LinkId{2}, At(0));
  ASSERT_TRUE(source.Receive(LinkId{2}, HelloAt(kOther, {2, 1, kOther}, 3), At(0)).ok());
  state.RaiseFence({2, 1, kOther});
  source.Next(LinkId{2}, &feed_, 100, condition_);
  const auto ahead = source.AheadOf(40);
  ASSERT_EQ(ahead.size(), 2u);
  EXPECT_EQ(ahead[0].node, kOther);
  EXPECT_EQ(ahead[1].node, kReplica);
  source.HandOverTo(kOther);
  source.Connect(LinkId{3}, At(0));
  ASSERT_TRUE(source.Receive(LinkId{3}, HelloAt(kOther, {2, 1, kOther}, 3), At(0)).ok());
  EXPECT_EQ(Of<Refuse>(source.Next(LinkId{3}, &feed_, 100, condition_)).reason,
            Refuse::Reason::kTakeOver);
}

TEST_F(ReplicationSourceTest, ACutCopyGoesOnOnlyWhereAllThatItReadIsOfThisHistory) {
  SetMany(10);
  const uint64_t end = keyspace_.end();
  source_.Open(kEpoch.NextTerm(kSelf), end);
  Set("more", 200);
  ASSERT_GT(keyspace_.end(), end + 10);
  Hello hello = HelloOf(kReplica);
  hello.copy = CopyProgress{.copy_id = 7,
                            .position = {kEpoch, 5},
                            .cursor = "03/",
                            .older_position = Position{kEpoch, 3},
                            .older_cursor = "07/",
                            .exact_from = {kEpoch, end}};
  const Outgoing onward = Greet(hello, LinkId{1});
  EXPECT_EQ(Kind(onward), Welcome::Kind::kCopyOnward);
  EXPECT_EQ(Of<Welcome>(onward).from, 5u);
  // Somebody read what was written behind the end of that epoch, and lost.
  hello.copy->exact_from = {kEpoch, end + 1};
  EXPECT_EQ(Kind(Greet(hello, LinkId{2})), Welcome::Kind::kCopyAnew);
  // Nor is anything kept of it where the log does not reach back.
  for (int i = 0; i < 20; ++i) Set("more", 200);
  EXPECT_EQ(Kind(Greet(hello, LinkId{3})), Welcome::Kind::kCopyAnew);
  hello.copy->exact_from = {kEpoch, end};
  EXPECT_EQ(Kind(Greet(hello, LinkId{4})), Welcome::Kind::kCopyAgain);
}

TEST_F(ReplicationSourceTest, ACopyEndsWhereAllOfItIsExact) {
  SetMany(30);
  Greet(HelloOf(kReplica));
  uint64_t exact_from = 0;
  uint64_t position = keyspace_.end();
  bool was_ahead = false;
  for (int i = 0; i < 100; ++i) {
    Set(absl::StrCat("w", i % 9));
    const Outgoing outgoing = Next();
    if (!outgoing.message.has_value()) continue;
    if (const auto* batch = std::get_if<LogBatch>(&*outgoing.message)) position = batch->to;
    if (const auto* chunk = std::get_if<CopyChunk>(&*outgoing.message)) {
      was_ahead |= chunk->exact_from > position;
      exact_from = std::max({exact_from, chunk->position, chunk->exact_from});
    }
    if (const auto* end = std::get_if<CopyEnd>(&*outgoing.message)) {
      EXPECT_EQ(end->position, position);
      EXPECT_GE(position, exact_from);
      EXPECT_TRUE(was_ahead) << "no chunk was ahead of the log";
      return;
    }
  }
  FAIL() << "the copy does not end";
}

// Found by the simulator, seed 278: another was promoted while this node was away, and what its
// replicas say was not heard, since they are bound to that one's epoch.
TEST_F(ReplicationSourceTest, AfterARestartHearsThoseThatAreBoundToAHigherEpoch) {
  ReplicationState state(kSelf, {kEpoch, state_.history(), false}, 40);
  ReplicationSource source(SmallOptions(), &state);
  condition_.is_ready = false;
  const Epoch next{3, 0, kOther};
  Hello hello = HelloAt(kReplica, kEpoch, 1);
  hello.history.Begin(next, 40);
  hello.position = {next, 45};
  hello.fence = next;
  source.Connect(kLink, At(0));
  ASSERT_TRUE(source.Receive(kLink, hello, At(0)).ok());
  EXPECT_EQ(Of<Refuse>(source.Next(kLink, &feed_, 100, condition_)).reason,
            Refuse::Reason::kFenced);
  const auto ahead = source.AheadOf(40);
  ASSERT_EQ(ahead.size(), 1u);
  EXPECT_EQ(ahead[0].node, kReplica);
  source.HandOverTo(kReplica);
  source.Connect(LinkId{2}, At(0));
  ASSERT_TRUE(source.Receive(LinkId{2}, hello, At(0)).ok());
  EXPECT_EQ(Of<Refuse>(source.Next(LinkId{2}, &feed_, 100, condition_)).reason,
            Refuse::Reason::kTakeOver);
}

// Who followed an empty node, which now follows this one, has nothing that could be lost.
TEST_F(ReplicationSourceTest, OneThatBeganEmptyCopiesToWhoHasNothing) {
  const Epoch theirs{1, 0, kOther};
  Hello hello = HelloAt(kReplica, theirs, 1);
  hello.history.set_began_empty();
  EXPECT_EQ(Kind(Greet(hello, LinkId{2})), Welcome::Kind::kCopyAnew);
  hello.position->sequence = 2;
  ExpectRefused(hello, Refuse::Reason::kRestartedEmpty, LinkId{3});
  hello.position->sequence = 1;
  hello.history.set_forgot();
  ExpectRefused(hello, Refuse::Reason::kRestartedEmpty, LinkId{4});
}

// Writers that write as much as they may, all of it to what is copied already. Bytes of the log are
// its sequences.
class FloodedFeed final : public ReplicationFeed {
 public:
  FloodedFeed(uint64_t chunks, uint64_t slack) : chunks_(chunks), slack_(slack) {}

  uint64_t LogOldest() override { return 1; }
  uint64_t LogEnd() override { return end_; }
  LogRead ReadLog(const LogRequest& request) override {
    const uint64_t next = std::min({request.until, end_, request.from + request.bytes_max});
    if (next <= request.from) return {};
    read_to_ = next;
    const uint64_t bytes = next - request.from;
    return {LogResult::kRead, next, std::string(leaves_out_ ? 0 : bytes, 'l'), bytes};
  }
  Chunk ReadChunk(const std::string& cursor, uint64_t bytes_max,
                  const std::optional<Copied>& copied) override {
    EXPECT_FALSE(copied.has_value());
    Flood();
    const bool is_last = cursor.size() + 1 == chunks_;
    return {cursor + "c", is_last, end_, false, std::string(bytes_max, 'c')};
  }
  void HoldWriters(uint64_t read_to, uint64_t lag_bytes) override {
    read_to_ = read_to;
    lag_ = lag_bytes;
  }
  void ReleaseWriters() override { lag_.reset(); }
  // Writes until it is held, and a little more, since what is reserved is written in any case.
  void Flood() {
    ASSERT_TRUE(lag_.has_value()) << "nobody holds the writers";
    end_ = std::max(end_, read_to_ + *lag_ + slack_);
  }
  bool is_held() const { return lag_.has_value(); }
  uint64_t end() const { return end_; }
  // As if what is written were of slots that the copy has not begun.
  void LeaveOut() { leaves_out_ = true; }

 private:
  const uint64_t chunks_;
  const uint64_t slack_;
  uint64_t end_ = 1000;
  uint64_t read_to_ = 0;
  std::optional<uint64_t> lag_;
  bool leaves_out_ = false;
};

class FloodedCopyTest : public ReplicationSourceTest {
 protected:
  explicit FloodedCopyTest(const SourceOptions& options = SmallOptions())
      : ReplicationSourceTest(options) {}

  // Up to its end, which is there.
  void Copy(FloodedFeed& feed, uint64_t chunks, uint64_t* end) {
    source_.Connect(kLink, At(0));
    ASSERT_TRUE(source_.Receive(kLink, HelloOf(kReplica), At(0)).ok());
    uint64_t position = Of<Welcome>(source_.Next(kLink, &feed, 100, condition_)).from;
    Of<Heartbeat>(source_.Next(kLink, &feed, 100, condition_));
    for (uint64_t messages = 0;; ++messages) {
      ASSERT_LT(messages, 4 * chunks) << "the copy does not end";
      feed.Flood();
      const Outgoing outgoing = source_.Next(kLink, &feed, 100, condition_);
      ASSERT_TRUE(outgoing.message.has_value());
      if (std::holds_alternative<CopyEnd>(*outgoing.message)) break;
      if (const auto* batch = std::get_if<LogBatch>(&*outgoing.message)) {
        EXPECT_EQ(batch->from, position);
        position = batch->to;
      } else {
        EXPECT_EQ(Of<CopyChunk>(outgoing).position, position) << "the log comes first, and no more";
      }
    }
    *end = position;
  }
};

class CostlyChunksTest : public FloodedCopyTest {
 protected:
  CostlyChunksTest() : FloodedCopyTest(Options()) {}
  static SourceOptions Options() {
    SourceOptions options = SmallOptions();
    options.chunk_cost = 400;
    options.install_lag_bytes = 400;
    return options;
  }
};

// Rule 4, and that a copy ends at any rate of writes.
TEST_F(FloodedCopyTest, ChunksHaveTwoThirdsOfTheStreamHoweverMuchIsWritten) {
  constexpr uint64_t kChunks = 500;
  constexpr uint64_t kSlack = 3;
  FloodedFeed feed(kChunks, kSlack);
  uint64_t position = 0;
  ASSERT_NO_FATAL_FAILURE(Copy(feed, kChunks, &position));
  const SourceCounts& counts = source_.counts();
  EXPECT_EQ(counts.chunk_bytes, kChunks * 100);
  EXPECT_LE(counts.copy_log_bytes, 20 + counts.chunk_bytes / 2 + kChunks * kSlack);
  EXPECT_GT(counts.copy_log_bytes, counts.chunk_bytes / 4) << "nobody wrote";
  EXPECT_TRUE(feed.is_held()) << "until it is installed";
  ASSERT_TRUE(Acknowledge(position).ok());
  source_.Next(kLink, &feed, 100, condition_);
  EXPECT_FALSE(feed.is_held());
}

// To read it takes time, and to write it took some.
TEST_F(FloodedCopyTest, WhatIsLeftOutOfTheLogHasItsShareToo) {
  constexpr uint64_t kChunks = 500;
  constexpr uint64_t kSlack = 3;
  FloodedFeed feed(kChunks, kSlack);
  feed.LeaveOut();
  const uint64_t begin = feed.end();
  uint64_t position = 0;
  ASSERT_NO_FATAL_FAILURE(Copy(feed, kChunks, &position));
  const SourceCounts& counts = source_.counts();
  EXPECT_EQ(counts.copy_log_bytes, 0u);
  EXPECT_LE(feed.end() - begin, 20 + 40 + counts.chunk_bytes / 2 + kChunks * kSlack);
  EXPECT_GT(feed.end() - begin, counts.chunk_bytes / 4) << "nobody wrote";
}

// A message has its price however little is in it: writers do not stand still for small ones.
TEST_F(CostlyChunksTest, GiveTheLogRoomByWhatTheyCost) {
  constexpr uint64_t kChunks = 100;
  FloodedFeed feed(kChunks, 3);
  uint64_t position = 0;
  ASSERT_NO_FATAL_FAILURE(Copy(feed, kChunks, &position));
  const SourceCounts& counts = source_.counts();
  EXPECT_EQ(counts.chunk_bytes, kChunks * 100);
  EXPECT_LE(counts.copy_log_bytes, 20 + kChunks * (400 / 2 + 3));
  EXPECT_GT(counts.copy_log_bytes, kChunks * 400 / 4);
}

}  // namespace
}  // namespace larder::cluster
