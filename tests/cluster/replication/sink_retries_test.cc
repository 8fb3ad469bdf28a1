// When a replica that has lost its stream, or was refused, asks again.

#include <utility>

#include "tests/cluster/replication/replication_sink_test.h"

namespace larder::cluster {
namespace {

TEST_F(ReplicationSinkTest, ASilentSourceIsLeftAndAskedAgain) {
  Receive(ToContinue(100), 10);
  Save();
  sink_.Tick(At(5010));
  EXPECT_FALSE(sink_.TakeEffects().disconnect);
  sink_.Tick(At(5011));
  EXPECT_TRUE(sink_.TakeEffects().disconnect);
  Connect(6000);
  EXPECT_FALSE(hello_.commanded) << "it has followed since the operator's word";
}

// The shell reads nothing meanwhile: the replicas of this node hold its log.
TEST_F(ReplicationSinkTest, ACopyThatCannotBeHeldIsTriedAgainSlowly) {
  Receive(ToCopy(500), 10);
  sink_.OnFailed(absl::ResourceExhaustedError("no memory for two"), At(10));
  const SinkEffects effects = sink_.TakeEffects();
  EXPECT_TRUE(effects.disconnect);
  ASSERT_EQ(effects.work.size(), 1u);
  EXPECT_EQ(effects.work[0].kind, SinkWork::Kind::kDropCopy);
  EXPECT_EQ(sink_.Report().trouble, SinkTrouble::kCopyFailed);
  EXPECT_EQ(sink_.Report().detail, "no memory for two");
  sink_.OnDone(At(11));
  sink_.Tick(At(10009));
  EXPECT_FALSE(sink_.TakeEffects().connect);
  Connect(10010);
  EXPECT_FALSE(hello_.copy.has_value());
}

TEST_F(ReplicationSinkTest, ARefusalThatPassesIsTriedSoonAndOthersSlowly) {
  Receive(Refuse{Refuse::Reason::kNotReady, "", kEpoch}, 0);
  Connect(100);
  Receive(Refuse{Refuse::Reason::kCycle, "", kEpoch}, 100);
  sink_.Tick(At(10099));
  EXPECT_FALSE(sink_.TakeEffects().connect);
  EXPECT_EQ(sink_.Report().refused, Refuse::Reason::kCycle);
  Connect(10100);
}

TEST_F(ReplicationSinkTest, WhatOneEndDoesNotTakeIsTriedAgainSlowly) {
  Receive(ToContinue(100), 10);
  sink_.OnDisconnected(absl::InvalidArgumentError("a record is too long"), At(20));
  EXPECT_FALSE(sink_.TakeEffects().disconnect);
  EXPECT_EQ(sink_.Report().trouble, SinkTrouble::kProtocol);
  EXPECT_EQ(sink_.Report().detail, "a record is too long");
  sink_.Tick(At(10019));
  EXPECT_FALSE(sink_.TakeEffects().connect);
  Connect(10020);
  EXPECT_EQ(hello_.position, (Position{kEpoch, 100})) << "what it has stays";
  EXPECT_FALSE(hello_.wants_copy);
  // However often.
  Receive(ToContinue(100), 10030);
  sink_.OnDisconnected(absl::InvalidArgumentError("a record is too long"), At(10040));
  sink_.Tick(At(20039));
  EXPECT_FALSE(sink_.TakeEffects().connect);
  Connect(20040);
  // It is not what was said before it.
  Receive(ToContinue(100), 20050);
  sink_.OnDisconnected(absl::UnavailableError("gone"), At(20060));
  Connect(21060);
  EXPECT_EQ(sink_.Report().trouble, SinkTrouble::kDisconnected);
}

TEST_F(ReplicationSinkTest, ACopyOfWhichAChunkIsNotTakenGoesOnSlowlyWhereItWas) {
  Receive(ToCopy(500), 10);
  Receive(CopyChunk{"", "m", 500, false, "chunk", 500}, 20);
  sink_.OnDone(At(21));
  sink_.OnDone(At(21));
  sink_.OnDisconnected(absl::InvalidArgumentError("a chunk is too long"), At(30));
  sink_.Tick(At(10029));
  EXPECT_FALSE(sink_.TakeEffects().connect);
  Connect(10030);
  ASSERT_TRUE(hello_.copy.has_value());
  EXPECT_EQ(hello_.copy->cursor, "m");
}

TEST_F(ReplicationSinkTest, WhereNoStreamCameAboutTheCauseMayPass) {
  sink_.OnDisconnected(absl::UnavailableError("gone"), At(0));
  sink_.Tick(At(1000));
  ASSERT_TRUE(sink_.TakeEffects().connect);
  // A certificate that is just being written, perhaps.
  sink_.OnDisconnected(absl::InvalidArgumentError("no certificate"), At(1000));
  EXPECT_EQ(sink_.Report().trouble, SinkTrouble::kDisconnected);
  Connect(4000);
}

}  // namespace
}  // namespace larder::cluster
