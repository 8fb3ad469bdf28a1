#include "tests/cluster/replication/replication_sink_test.h"

#include <utility>

namespace larder::cluster {
namespace {

class EmptySinkTest : public ReplicationSinkTest {
 protected:
  EmptySinkTest() : ReplicationSinkTest(false) {}
};

TEST_F(ReplicationSinkTest, SaysWhereItsDataGoesTo) {
  EXPECT_EQ(hello_.position, (Position{kEpoch, 100}));
  EXPECT_EQ(hello_.fence, kEpoch);
  EXPECT_TRUE(hello_.commanded);
  EXPECT_FALSE(hello_.copy.has_value());
}

// As while the shell cannot write its state and carries out nothing.
TEST_F(ReplicationSinkTest, WhatIsToldOfAnEarlierStreamIsNotTakenForTheNext) {
  sink_.Follow(true, At(1));
  sink_.Tick(At(1));
  sink_.OnConnected(At(2));
  sink_.OnDisconnected(absl::UnavailableError("of the earlier one"), At(3));
  const SinkEffects effects = sink_.TakeEffects();
  EXPECT_TRUE(effects.disconnect);
  EXPECT_TRUE(effects.connect);
  EXPECT_TRUE(effects.sends.empty());
  sink_.OnConnected(At(4));
  EXPECT_EQ(sink_.TakeEffects().sends.size(), 1u);
}

TEST_F(ReplicationSinkTest, AcknowledgesWhatIsConfirmedOnly) {
  EXPECT_EQ(LastAck(Receive(ToContinue(100)))->applied, (Position{kEpoch, 100}));
  SinkEffects effects = Receive(LogBatch{100, 110, "records"});
  ASSERT_EQ(effects.work.size(), 1u);
  EXPECT_TRUE(effects.sends.empty());
  EXPECT_EQ(sink_.unconfirmed_bytes(), 7u);
  sink_.OnDone(At(2));
  EXPECT_EQ(LastAck(sink_.TakeEffects())->applied, (Position{kEpoch, 110}));
  EXPECT_EQ(sink_.unconfirmed_bytes(), 0u);
}

TEST_F(ReplicationSinkTest, ItsLabelIsThatOfTheLastRecordAndNotOfWhomItFollows) {
  const Epoch next{2, 0, kPrimary};
  Welcome welcome = ToContinue(100);
  welcome.epoch = next;
  welcome.history = Of({{kEpoch, 1}, {next, 105}});
  EXPECT_EQ(LastAck(Receive(welcome))->applied, (Position{kEpoch, 100}));
  EXPECT_EQ(state_.fence(), next);
  Receive(LogBatch{100, 105, ""});
  sink_.OnDone(At(2));
  EXPECT_EQ(LastAck(sink_.TakeEffects())->applied, (Position{kEpoch, 105}));
  Receive(LogBatch{105, 107, ""});
  sink_.OnDone(At(2));
  EXPECT_EQ(LastAck(sink_.TakeEffects())->applied, (Position{next, 107}));
}

TEST_F(ReplicationSinkTest, DropsAStreamThatSaysWhatItCannot) {
  ExpectDropped(LogBatch{100, 110, ""}, SinkTrouble::kProtocol);
}

TEST_F(ReplicationSinkTest, DropsABatchThatDoesNotGoOn) {
  Receive(ToContinue(100));
  ExpectDropped(LogBatch{101, 110, ""}, SinkTrouble::kProtocol);
}

TEST_F(ReplicationSinkTest, DropsABatchThatGoesNowhere) {
  Receive(ToContinue(100));
  ExpectDropped(LogBatch{100, 100, ""}, SinkTrouble::kProtocol);
}

TEST_F(ReplicationSinkTest, DropsAWelcomeFromElsewhere) {
  ExpectDropped(ToContinue(90), SinkTrouble::kProtocol);
}

TEST_F(ReplicationSinkTest, DropsAWelcomeToContinueWhereItsEpochHadEnded) {
  Welcome welcome = ToContinue(100);
  welcome.epoch = {2, 0, kPrimary};
  welcome.history = Of({{kEpoch, 1}, {welcome.epoch, 95}});
  ExpectDropped(welcome, SinkTrouble::kProtocol);
}

TEST_F(ReplicationSinkTest, DropsASecondWelcome) {
  Receive(ToContinue(100));
  ExpectDropped(ToContinue(100), SinkTrouble::kProtocol);
}

TEST_F(ReplicationSinkTest, DropsAChunkWithoutACopy) {
  Receive(ToContinue(100));
  ExpectDropped(CopyChunk{"", "a", 100, false, ""}, SinkTrouble::kProtocol);
}

TEST_F(ReplicationSinkTest, DropsAnEpochThatDoesNotRise) {
  Receive(ToContinue(100));
  ExpectDropped(EpochBegins{kEpoch, 100}, SinkTrouble::kProtocol);
}

TEST_F(ReplicationSinkTest, DropsAnAnswerToNoQuestion) {
  Receive(ToContinue(100));
  ExpectDropped(Heartbeat{.number = 99}, SinkTrouble::kProtocol);
}

TEST_F(ReplicationSinkTest, NeverFollowsALowerEpoch) {
  state_.RaiseFence({3, 0, kSelf});
  ExpectDropped(ToContinue(100), SinkTrouble::kFenced);
}

TEST_F(ReplicationSinkTest, FindsThatItIsFollowedByItsSource) {
  Welcome welcome = ToContinue(100);
  welcome.chain = {kPrimary, kSelf};
  ExpectDropped(welcome, SinkTrouble::kCycle);
}

TEST_F(ReplicationSinkTest, FindsACycleThatCloses) {
  Receive(ToContinue(100));
  Heartbeat heartbeat;
  heartbeat.chain = {kPrimary, NodeId{9, 9}, kSelf};
  ExpectDropped(heartbeat, SinkTrouble::kCycle);
}

TEST_F(ReplicationSinkTest, WhatIsNotReadSinceWorkWaitsIsNoSilence) {
  Receive(ToContinue(100), 10);
  Save();
  Receive(LogBatch{100, 110, ""}, 20);
  for (int64_t now = 200; now <= 20000; now += 100) {
    sink_.Tick(At(now));
    const SinkEffects effects = sink_.TakeEffects();
    ASSERT_FALSE(effects.disconnect);
    ASSERT_TRUE(LastAck(effects).has_value()) << "the source must hear that it lives";
  }
  // Nor is what took long without a tick.
  sink_.OnDone(At(30000));
  sink_.Tick(At(35000));
  EXPECT_FALSE(sink_.TakeEffects().disconnect);
  sink_.Tick(At(35001));
  EXPECT_TRUE(sink_.TakeEffects().disconnect) << "one that is read, and silent";
  EXPECT_EQ(sink_.Report().trouble, SinkTrouble::kSilent);
}

TEST_F(ReplicationSinkTest, AStreamThatEndsWhileWorkWaitsHasEnded) {
  Receive(ToContinue(100), 10);
  Receive(LogBatch{100, 110, ""}, 20);
  sink_.OnDisconnected(absl::OkStatus(), At(9000));
  EXPECT_FALSE(sink_.Report().is_connected);
}

TEST_F(ReplicationSinkTest, WhatIsNotReadSinceTheDiskFailsIsNoSilence) {
  Receive(ToContinue(100), 10);
  Save();
  Receive(EpochBegins{{2, 0, kPrimary}, 105}, 20);
  ASSERT_TRUE(state_.Unsaved().has_value());
  sink_.Tick(At(9000));
  Save();
  sink_.Tick(At(14000));
  EXPECT_FALSE(sink_.TakeEffects().disconnect);
  sink_.Tick(At(14001));
  EXPECT_TRUE(sink_.TakeEffects().disconnect);
}

TEST_F(ReplicationSinkTest, DoesNotConnectWhileWorkIsUnconfirmed) {
  Receive(ToContinue(100));
  Receive(LogBatch{100, 110, ""});
  sink_.OnDisconnected(absl::OkStatus(), At(5));
  sink_.Tick(At(4000));
  EXPECT_FALSE(sink_.TakeEffects().connect);
  sink_.OnDone(At(4001));
  Connect(4002);
  EXPECT_EQ(hello_.position->sequence, 110u);
}

TEST_F(ReplicationSinkTest, OldDataStaysUntilTheCopyIsInstalled) {
  SinkEffects effects = Receive(ToCopy(500));
  ASSERT_EQ(effects.work.size(), 1u);
  EXPECT_EQ(effects.work[0].kind, SinkWork::Kind::kBeginCopy);
  EXPECT_FALSE(LastAck(effects)->applied.has_value());
  Receive(CopyChunk{"", "m", 500, false, "chunk"});
  Receive(LogBatch{500, 510, "log"});
  Receive(CopyChunk{"m", "z", 510, false, "chunk"});
  Receive(CopyEnd{510});
  for (int i = 0; i < 4; ++i) {
    sink_.OnDone(At(2));
    EXPECT_EQ(state_.sequence(), 100u);
  }
  EXPECT_FALSE(sink_.Report().is_following);
  sink_.OnDone(At(3));
  EXPECT_EQ(state_.sequence(), 510u);
  EXPECT_TRUE(sink_.Report().is_following);
  EXPECT_EQ(LastAck(sink_.TakeEffects())->applied, (Position{kEpoch, 510}));
}

TEST_F(ReplicationSinkTest, ACutCopyIsAskedToGoOnWhereItWasConfirmed) {
  Receive(ToCopy(500));
  Receive(CopyChunk{"", "m", 500, false, "chunk"});
  Receive(LogBatch{500, 510, "log"});
  for (int i = 0; i < 3; ++i) sink_.OnDone(At(2));
  sink_.OnDisconnected(absl::OkStatus(), At(3));
  Connect(4000);
  ASSERT_TRUE(hello_.copy.has_value());
  EXPECT_EQ(hello_.copy->copy_id, 5u);
  EXPECT_EQ(hello_.copy->cursor, "m");
  EXPECT_EQ(hello_.copy->position, (Position{kEpoch, 510}));
  EXPECT_EQ(hello_.position->sequence, 100u);

  Welcome onward = ToCopy(510);
  onward.kind = Welcome::Kind::kCopyOnward;
  onward.cursor = "n";
  ExpectDropped(onward, SinkTrouble::kProtocol);
}

TEST_F(ReplicationSinkTest, ACutCopySaysUpToWhereItWasRead) {
  const Epoch next{2, 0, kPrimary};
  Receive(ToCopy(500));
  Receive(EpochBegins{next, 520});
  Receive(CopyChunk{"", "m", 500, false, "chunk", 530});
  Receive(CopyChunk{"m", "n", 500, false, "chunk"});
  Receive(LogBatch{500, 510, "log"});
  for (int i = 0; i < 4; ++i) sink_.OnDone(At(2));
  sink_.OnDisconnected(absl::OkStatus(), At(3));
  Connect(4000);
  ASSERT_TRUE(hello_.copy.has_value());
  EXPECT_EQ(hello_.copy->position, (Position{kEpoch, 510}));
  EXPECT_EQ(hello_.copy->exact_from, (Position{next, 530}));
  // Of a source where that epoch ended before.
  Welcome onward = ToCopy(510);
  onward.kind = Welcome::Kind::kCopyOnward;
  onward.cursor = "n";
  onward.history.Begin(next, 520);
  onward.history.Begin({3, 0, kPrimary}, 529);
  onward.epoch = {3, 0, kPrimary};
  ExpectDropped(onward, SinkTrouble::kProtocol);
}

TEST_F(ReplicationSinkTest, ACopyDoesNotEndBeforeItIsExact) {
  Receive(ToCopy(500));
  Receive(CopyChunk{"", "z", 500, false, "chunk", 530});
  ExpectDropped(CopyEnd{500}, SinkTrouble::kProtocol);
}

TEST_F(ReplicationSinkTest, StoppingDropsACopyAndKeepsTheData) {
  Receive(ToCopy(500));
  sink_.Stop();
  const SinkEffects effects = sink_.TakeEffects();
  EXPECT_TRUE(effects.disconnect);
  ASSERT_EQ(effects.work.size(), 1u);
  EXPECT_EQ(effects.work[0].kind, SinkWork::Kind::kDropCopy);
  EXPECT_FALSE(sink_.is_idle());
  sink_.OnDone(At(2));
  sink_.OnDone(At(2));
  EXPECT_TRUE(sink_.is_idle());
  EXPECT_EQ(state_.sequence(), 100u);
}

// Found by the simulator, seed 3512: an epoch was forgotten while its records were being applied.
TEST_F(ReplicationSinkTest, StoppingDoesNotForgetTheEpochOfRecordsUnderWay) {
  const Epoch next{2, 0, kPrimary};
  Receive(ToContinue(100));
  Receive(EpochBegins{next, 100});
  Receive(LogBatch{100, 110, ""});
  sink_.Stop();
  sink_.OnDone(At(2));
  EXPECT_EQ(state_.PositionAt(110).epoch, next);
}

TEST_F(ReplicationSinkTest, DoesNotConnectTwiceHoweverLateItsEffectsAreTaken) {
  Save();
  sink_.OnDisconnected(absl::OkStatus(), At(0));
  sink_.Tick(At(1000));
  sink_.Tick(At(7000));  // silent for too long, without having been connected
  SinkEffects effects = sink_.TakeEffects();
  EXPECT_TRUE(effects.disconnect);
  EXPECT_FALSE(effects.connect);
  sink_.Tick(At(20000));
  sink_.Follow(true, At(20001));
  effects = sink_.TakeEffects();
  EXPECT_FALSE(effects.connect);
  Connect(20002);
}

TEST_F(ReplicationSinkTest, WhatWasAppliedOfABatchThatFailedCounts) {
  const Epoch next{2, 0, kPrimary};
  Receive(ToContinue(100));
  Receive(EpochBegins{next, 105});
  Receive(LogBatch{100, 110, ""});
  Receive(LogBatch{110, 120, ""});
  sink_.OnPartDone(107);
  EXPECT_EQ(LastAck(sink_.TakeEffects())->applied, (Position{next, 107}));
  sink_.OnFailed(absl::ResourceExhaustedError("no memory"), At(2));
  EXPECT_TRUE(sink_.TakeEffects().disconnect);
  Connect(20000);
  EXPECT_EQ(hello_.position, (Position{next, 107}));
}

TEST_F(ReplicationSinkTest, WhereTheLogLeadsToMoreThanItCanHoldItWantsACopyUntilOneIsInstalled) {
  EXPECT_FALSE(hello_.wants_copy);
  Receive(ToContinue(100));
  Receive(LogBatch{100, 110, ""});
  sink_.OnFailed(absl::ResourceExhaustedError("no memory"), At(2));
  sink_.TakeEffects();
  Connect(20000);
  EXPECT_TRUE(hello_.wants_copy);
  EXPECT_EQ(hello_.position, (Position{kEpoch, 100})) << "what it has is said as before";
  // One that does not fit either, and one that is cut.
  Receive(ToCopy(500), 20001);
  sink_.OnFailed(absl::ResourceExhaustedError("no memory"), At(20001));
  sink_.TakeEffects();
  sink_.OnDone(At(20001));
  Connect(40000);
  EXPECT_TRUE(hello_.wants_copy);
  Receive(ToCopy(500), 40001);
  sink_.OnDone(At(40001));
  sink_.OnDisconnected(absl::OkStatus(), At(40002));
  sink_.TakeEffects();
  Connect(60000);
  EXPECT_TRUE(hello_.wants_copy);
  EXPECT_TRUE(hello_.copy.has_value());
  Receive(ToCopy(600), 60001);
  Receive(CopyEnd{600}, 60001);
  while (!sink_.is_idle()) sink_.OnDone(At(60001));
  sink_.OnDisconnected(absl::OkStatus(), At(60002));
  sink_.TakeEffects();
  Connect(80000);
  EXPECT_FALSE(hello_.wants_copy);
}

TEST_F(ReplicationSinkTest, ABatchThatWaitsForRoomGoesOn) {
  Receive(ToContinue(100));
  Receive(LogBatch{100, 110, ""});
  sink_.OnPartDone(104);
  sink_.OnPartDone(104);
  sink_.TakeEffects();
  EXPECT_FALSE(sink_.is_idle());
  sink_.OnDone(At(2));
  EXPECT_TRUE(sink_.is_idle());
  EXPECT_EQ(LastAck(sink_.TakeEffects())->applied, (Position{kEpoch, 110}));
}

TEST_F(ReplicationSinkTest, TakesOverWhenToldAndIsThenAboveItsSource) {
  const Epoch theirs{4, 2, kPrimary};
  const SinkEffects effects = Receive(Refuse{Refuse::Reason::kTakeOver, "", theirs});
  EXPECT_TRUE(effects.take_over);
  EXPECT_EQ(state_.fence(), theirs);
}

TEST_F(EmptySinkTest, DoesNotTakeOverWithNothing) {
  EXPECT_FALSE(hello_.position.has_value());
  EXPECT_FALSE(Receive(Refuse{Refuse::Reason::kTakeOver, "", kEpoch}).take_over);
}

TEST_F(EmptySinkTest, IsNotToldToContinue) {
  Welcome welcome = ToContinue(1);
  const SinkEffects effects = Receive(welcome);
  EXPECT_TRUE(effects.disconnect);
  EXPECT_EQ(sink_.Report().trouble, SinkTrouble::kProtocol);
}

TEST_F(ReplicationSinkTest, CountsStreamsThatItLostAndSaysWhyItCopied) {
  EXPECT_EQ(sink_.Report().streams_lost, 0u);
  sink_.OnDisconnected(absl::UnavailableError("the peer is gone"), At(0));
  EXPECT_EQ(sink_.Report().streams_lost, 1u);
  EXPECT_EQ(sink_.Report().why_copied, "");
  Connect(1000);
  Welcome copy = ToCopy(500);
  copy.detail = "it is behind the log";
  Receive(copy, 1000);
  EXPECT_EQ(sink_.Report().why_copied, "it is behind the log");
  sink_.OnDisconnected(absl::OkStatus(), At(1001));
  sink_.OnDisconnected(absl::OkStatus(), At(1001));
  EXPECT_EQ(sink_.Report().streams_lost, 2u) << "the second is of no stream";
}

TEST_F(ReplicationSinkTest, KnowsItsStalenessAfterAnAnswerOnly) {
  Receive(ToContinue(100), 10);
  Receive(Heartbeat{.number = 0, .log_end = 100, .age = Millis(0)}, 20);
  EXPECT_FALSE(sink_.Staleness(At(20)).has_value());
  Receive(Heartbeat{.number = 1, .log_end = 100, .age = std::nullopt}, 30);
  EXPECT_FALSE(sink_.Staleness(At(30)).has_value()) << "the source has no authority";
  sink_.Tick(At(200));
  Receive(Heartbeat{.number = 2, .log_end = 100, .age = Millis(0)}, 210);
  EXPECT_EQ(sink_.Staleness(At(250)), Millis(50));
}

}  // namespace
}  // namespace larder::cluster
