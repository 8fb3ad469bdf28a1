#include "tests/server/replication/replication_pair_test.h"

#include <gmock/gmock.h>

#include <random>
#include <string>

#include "cluster/hash_slot.h"

namespace larder::server {
namespace {

using cluster::BootTime;
using cluster::Millis;

TEST_F(ReplicationPairTest, AReplicaHasWhatThePrimaryHas) {
  ReplicaNode primary(1, 32 * kMi, kMi);
  ReplicaNode replica(2, 32 * kMi, kMi);
  WriteRandomly(primary, 5000);
  FollowedStream stream = LeadAndFollow(primary, replica);
  for (int i = 0; i < 200; ++i) {
    WriteRandomly(primary, 20);
    Advance(10);
    stream.Step(now_, Now(), 5);
  }
  Settle(stream, primary, replica);
  EXPECT_EQ(ContentOf(replica.keyspace()), ContentOf(primary.keyspace()));
  EXPECT_EQ(primary.source.counts().copied_anew, 1u);
}

// What is told of a copy counts all that was sent of it, which is little where there is nothing.
TEST_F(ReplicationPairTest, ACopyOfNothingTakesLessThanAKilobyte) {
  ReplicaNode primary(1, 32 * kMi, kMi);
  ReplicaNode replica(2, 32 * kMi, kMi);
  primary.Lead();
  FollowedStream stream(&primary, &replica);
  replica.Follow(now_);
  Settle(stream, primary, replica);
  EXPECT_EQ(primary.source.counts().copies_ended, 1u);
  EXPECT_GT(primary.source.counts().chunk_bytes, 0u);
  EXPECT_LT(primary.source.counts().chunk_bytes, 1024u);
}

TEST_F(ReplicationPairTest, ShortCutsNeedNoCopy) {
  ReplicaNode primary(1, 32 * kMi, kMi);
  ReplicaNode replica(2, 32 * kMi, kMi);
  WriteRandomly(primary, 5000);
  FollowedStream stream = LeadAndSettle(primary, replica);
  for (int i = 0; i < 100; ++i) {
    WriteRandomly(primary, 100);
    stream.Step(now_, Now(), static_cast<int>(random_() % 4));
    stream.Cut(now_);
    Settle(stream, primary, replica);
    ASSERT_EQ(ContentOf(replica.keyspace()), ContentOf(primary.keyspace()));
  }
  EXPECT_EQ(primary.source.counts().copied_anew, 1u);
  EXPECT_EQ(primary.source.counts().continued, 100u);
}

TEST_F(ReplicationPairTest, ACopyThatIsCutAgainAndAgainGoesOn) {
  ReplicaNode primary(1, 32 * kMi, 4 * kMi);
  ReplicaNode replica(2, 32 * kMi, 4 * kMi);
  WriteRandomly(primary, 20000);
  FollowedStream stream = LeadAndFollow(primary, replica);
  for (int i = 0; i < 2000 && !replica.sink.Report().is_following; ++i) {
    WriteRandomly(primary, 5);
    Advance(20);
    stream.Step(now_, Now(), 8);
    if (i % 7 == 6) stream.Cut(now_);
    // Nothing is seen of a copy before it is whole.
    if (!replica.sink.Report().is_following) {
      ASSERT_EQ(replica.served.Stats().entries, 0u);
    }
  }
  Settle(stream, primary, replica);
  EXPECT_EQ(ContentOf(replica.keyspace()), ContentOf(primary.keyspace()));
  EXPECT_EQ(primary.source.counts().copied_anew, 1u);
  EXPECT_GT(primary.source.counts().copied_onward, 3u);
}

TEST_F(ReplicationPairTest, CutAtEveryMessageOfACopyItGoesOn) {
  ReplicaNode primary(1, 32 * kMi, kMi, {.chunk_bytes = 8 << 10});
  WriteRandomly(primary, 3000);
  primary.Lead();
  for (int messages = 1;; ++messages) {
    ReplicaNode replica(2, 32 * kMi, kMi);
    FollowedStream stream(&primary, &replica);
    const uint64_t copies = primary.source.counts().copied_anew;
    replica.Follow(now_);
    stream.Step(now_, Now(), 0);
    for (int i = 0; i < messages && !replica.sink.Report().is_following; ++i) {
      WriteRandomly(primary, 3);
      stream.Step(now_, Now(), 1);
    }
    const bool was_whole = replica.sink.Report().is_following;
    stream.Cut(now_);
    WriteRandomly(primary, 3);
    Settle(stream, primary, replica);
    ASSERT_EQ(ContentOf(replica.keyspace()), ContentOf(primary.keyspace())) << messages;
    // One that has not had the welcome knows of no copy to go on with.
    ASSERT_LE(primary.source.counts().copied_anew - copies, messages <= 2 ? 2u : 1u)
        << messages << replica.sink.Report().detail << stream.last_failure_;
    if (was_whole) break;
    ASSERT_LT(messages, 5000);
  }
}

TEST_F(ReplicationPairTest, ASiblingGoesOnWithAPromotedReplica) {
  ReplicaNode primary(1, 32 * kMi, kMi);
  ReplicaNode first(2, 32 * kMi, kMi);
  ReplicaNode second(3, 32 * kMi, kMi);
  WriteRandomly(primary, 5000);
  primary.Lead();
  FollowedStream to_first(&primary, &first);
  FollowedStream to_second(&primary, &second);
  first.Follow(now_);
  second.Follow(now_);
  Settle(to_first, primary, first);
  Settle(to_second, primary, second);
  WriteRandomly(primary, 300);
  Settle(to_first, primary, first);
  // The second has less; the first one leads from now on.
  to_first.Cut(now_);
  to_second.Cut(now_);
  first.Promote();
  WriteRandomly(first, 300);
  FollowedStream onward(&first, &second);
  second.sink.Follow(true, now_);
  Settle(onward, first, second);
  EXPECT_EQ(first.source.counts().continued, 1u);
  EXPECT_EQ(first.source.counts().copied_anew, 0u);
  EXPECT_EQ(ContentOf(second.keyspace()), ContentOf(first.keyspace()));
  // The old primary has more than it should: it copies.
  WriteRandomly(primary, 50);
  primary.authority.holds = false;
  primary.source.Close(primary.log.get()->position());
  FollowedStream back(&first, &primary);
  primary.sink.Follow(true, now_);
  Settle(back, first, primary);
  EXPECT_EQ(first.source.counts().copied_anew, 1u);
  EXPECT_EQ(ContentOf(primary.keyspace()), ContentOf(first.keyspace()));
}

// Its own replica copies, and keeps its log from being written over for so long.
TEST_F(ReplicationPairTest, AFollowerWhoseLogHasNoRoomWaitsForItsOwnReplica) {
  ReplicaNode primary(1, 32 * kMi, 8 * kMi);
  ReplicaNode middle(2, 32 * kMi, kMi);
  ReplicaNode last(3, 32 * kMi, kMi);
  WriteRandomly(primary, 5000);
  FollowedStream to_middle = LeadAndSettle(primary, middle);
  FollowedStream to_last(&middle, &last);
  last.Follow(now_);
  to_last.Step(now_, Now(), 3);
  ASSERT_TRUE(last.sink.is_copying());
  WriteRandomly(primary, 20000);
  for (int i = 0; i < 20; ++i) {
    Advance(20);
    to_middle.Step(now_, Now(), 50);
    ASSERT_EQ(middle.state.sequence(), middle.log.get()->position());
  }
  EXPECT_EQ(to_middle.last_failure_.code(), absl::StatusCode::kUnavailable);
  EXPECT_LT(middle.state.sequence(), primary.log.get()->position());
  EXPECT_TRUE(middle.sink.Report().is_following) << "it waits";
  // For longer than either end lets the other be silent.
  for (int i = 0; i < 400; ++i) {
    Advance(20);
    to_middle.Step(now_, Now(), 50);
    ASSERT_TRUE(middle.sink.Report().is_following);
    ASSERT_TRUE(primary.source.Overdue(now_).empty());
  }
  for (int i = 0; i < 20000 && last.state.sequence() != primary.log.get()->position(); ++i) {
    Advance(20);
    to_middle.Step(now_, Now(), 50);
    to_last.Step(now_, Now(), 50);
  }
  EXPECT_EQ(ContentOf(middle.keyspace()), ContentOf(primary.keyspace()));
  EXPECT_EQ(ContentOf(last.keyspace()), ContentOf(primary.keyspace()));
  EXPECT_EQ(primary.source.counts().copied_anew, 1u) << "the middle one copied again";
  EXPECT_EQ(primary.source.counts().continued, 0u) << "the middle one was cut";
  EXPECT_EQ(middle.source.counts().copied_anew, 1u);
  // It had a whole log to read when it had installed its copy, and nobody was held for it any more.
  EXPECT_EQ(middle.source.counts().fell_behind, 0u);
}

}  // namespace
}  // namespace larder::server
