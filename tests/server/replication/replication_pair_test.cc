#include <gmock/gmock.h>

#include <random>
#include <string>

#include "cluster/hash_slot.h"
#include "tests/server/replication/replica_pair.h"

namespace larder::server {
namespace {

using cluster::BootTime;
using cluster::Millis;

constexpr uint64_t kMi = uint64_t{1} << 20;

class ReplicationPairTest : public testing::Test {
 protected:
  storage::TimePoint Now() const {
    return storage::TimePoint(storage::Millis(1700000000000) + (now_ - BootTime()));
  }

  void WriteRandomly(ReplicaNode& node, int count) {
    for (int i = 0; i < count; ++i) {
      const std::string key = "key" + std::to_string(random_() % 3000);
      const storage::KeyRef ref{cluster::HashSlot(key), key};
      storage::Keyspace& keyspace = node.keyspace();
      switch (random_() % 12) {
        case 0:
          static_cast<void>(keyspace.Delete(ref, {}, Now()));
          break;
        case 1:
          static_cast<void>(
              keyspace.Delete(ref, {.stale_until = Now() + storage::Millis(500)}, Now()));
          break;
        case 2:
          static_cast<void>(
              keyspace.Touch(ref, Now() + storage::Millis(random_() % 1000 + 1), Now()));
          break;
        case 3:
          static_cast<void>(keyspace.Append(ref, "more", {}, Now()));
          break;
        case 4:
          if (random_() % 50 == 0) static_cast<void>(keyspace.FlushSlot(ref.slot, Now()));
          break;
        case 5:
          keyspace.Expire(Now(), 20);
          break;
        default:
          static_cast<void>(
              keyspace.Set(ref, std::string(random_() % 400, 'v') + std::to_string(++writes_),
                           {.flags = static_cast<uint32_t>(random_() % 3)}, Now()));
      }
    }
  }
  void Advance(int ms) { now_ += Millis(ms); }

  void Settle(FollowedStream& stream, ReplicaNode& source, ReplicaNode& replica) {
    for (int i = 0; i < 20000; ++i) {
      Advance(20);
      stream.Step(now_, Now(), 50);
      if (replica.sink.Report().is_following &&
          replica.state.sequence() == source.log.get()->position())
        return;
    }
    FAIL() << "never caught up: " << replica.sink.Report().detail << stream.last_failure_;
  }

  std::mt19937_64 random_{7};
  uint64_t writes_ = 0;
  BootTime now_{Millis(1000000)};
};

TEST_F(ReplicationPairTest, AReplicaHasWhatThePrimaryHas) {
  ReplicaNode primary(1, 32 * kMi, kMi);
  ReplicaNode replica(2, 32 * kMi, kMi);
  WriteRandomly(primary, 5000);
  primary.Lead();
  FollowedStream stream(&primary, &replica);
  replica.Follow(now_);
  for (int i = 0; i < 200; ++i) {
    WriteRandomly(primary, 20);
    Advance(10);
    stream.Step(now_, Now(), 5);
  }
  Settle(stream, primary, replica);
  EXPECT_EQ(ContentOf(replica.keyspace()), ContentOf(primary.keyspace()));
  EXPECT_EQ(primary.source.counts().copied_anew, 1u);
}

TEST_F(ReplicationPairTest, ShortCutsNeedNoCopy) {
  ReplicaNode primary(1, 32 * kMi, kMi);
  ReplicaNode replica(2, 32 * kMi, kMi);
  WriteRandomly(primary, 5000);
  primary.Lead();
  FollowedStream stream(&primary, &replica);
  replica.Follow(now_);
  Settle(stream, primary, replica);
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
  primary.Lead();
  FollowedStream stream(&primary, &replica);
  replica.Follow(now_);
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

TEST_F(ReplicationPairTest, WhatDoesNotFitBesideTheCopyMakesWay) {
  ReplicaNode primary(1, 32 * kMi, kMi);
  ReplicaNode replica(2, 8 * kMi, kMi);
  for (int i = 0; i < 14000; ++i) {
    const std::string key = "k" + std::to_string(i);
    ASSERT_TRUE(primary.keyspace()
                    .Set({cluster::HashSlot(key), key}, std::string(300, 'p'), {}, Now())
                    .ok());
    if (i % 3 != 0) continue;
    ASSERT_TRUE(replica.keyspace()
                    .Set({cluster::HashSlot(key), key}, std::string(700, 'r'), {}, Now())
                    .ok());
  }
  primary.Lead();
  FollowedStream stream(&primary, &replica);
  replica.Follow(now_);
  bool was_without = false;
  for (int i = 0; i < 5000 && !replica.sink.Report().is_following; ++i) {
    Advance(20);
    stream.Step(now_, Now(), 8);
    was_without |= replica.served.get() == nullptr;
  }
  EXPECT_TRUE(was_without);
  Settle(stream, primary, replica);
  EXPECT_EQ(ContentOf(replica.keyspace()), ContentOf(primary.keyspace()));
}

TEST_F(ReplicationPairTest, WhatMadeWayForACopyIsNotSaidToBeThere) {
  ReplicaNode primary(1, 32 * kMi, kMi);
  ReplicaNode replica(2, 8 * kMi, kMi);
  const auto fill = [&](int count, char letter) {
    for (int i = 0; i < count; ++i) {
      const std::string key = "k" + std::to_string(i);
      ASSERT_TRUE(primary.keyspace()
                      .Set({cluster::HashSlot(key), key}, std::string(300, letter), {}, Now())
                      .ok());
    }
  };
  fill(14000, 'a');
  primary.Lead();
  FollowedStream stream(&primary, &replica);
  replica.Follow(now_);
  Settle(stream, primary, replica);
  const cluster::Position had = replica.state.PositionAt(replica.state.sequence());
  // It falls off the log and copies, which does not fit beside what it has.
  stream.Cut(now_);
  fill(14000, 'b');
  for (int i = 0; i < 5000 && replica.served.get() != nullptr; ++i) {
    ASSERT_TRUE(replica.state.has_data());
    Advance(20);
    stream.Step(now_, Now(), 2);
  }
  ASSERT_EQ(replica.served.get(), nullptr);
  EXPECT_FALSE(replica.state.has_data());
  EXPECT_TRUE(replica.state.history().empty());
  EXPECT_EQ(replica.log.get(), nullptr);
  EXPECT_EQ(replica.sink.Reached(had), cluster::History::Reach::kNotYet);
  EXPECT_FALSE(replica.sink.Staleness(now_).has_value());
  // Nor after the copy has failed: another would take it for whole.
  stream.Cut(now_);
  replica.sink.Follow(true, now_);
  Advance(20);
  stream.Step(now_, Now(), 0);
  const auto links = primary.source.Links(now_);
  ASSERT_EQ(links.size(), 1u);
  EXPECT_FALSE(links[0].applied.has_value());
  Settle(stream, primary, replica);
  EXPECT_EQ(primary.source.counts().continued, 0u);
  EXPECT_EQ(ContentOf(replica.keyspace()), ContentOf(primary.keyspace()));
}

TEST_F(ReplicationPairTest, TheMemoryLimitMayChangeWhileACopyComes) {
  ReplicaNode primary(1, 32 * kMi, kMi);
  ReplicaNode replica(2, 4 * kMi, kMi);
  for (int i = 0; i < 20000; ++i) {
    const std::string key = "k" + std::to_string(i);
    ASSERT_TRUE(primary.keyspace()
                    .Set({cluster::HashSlot(key), key}, std::string(500, 'p'), {}, Now())
                    .ok());
  }
  primary.Lead();
  FollowedStream stream(&primary, &replica);
  const auto copy_in_part = [&] {
    for (int i = 0; i < 20; ++i) {
      Advance(20);
      stream.Step(now_, Now(), 2);
    }
    ASSERT_TRUE(replica.sink.is_copying());
    ASSERT_GT(replica.sink.Report().copied_bytes, 0u);
  };
  replica.Follow(now_);
  copy_in_part();
  // Too little when it began.
  ASSERT_TRUE(replica.served.SetMemoryLimit(32 * kMi).ok());
  Settle(stream, primary, replica);
  EXPECT_TRUE(stream.last_failure_.ok()) << stream.last_failure_;
  EXPECT_EQ(replica.keyspace().memory_limit_bytes(), 32 * kMi);
  EXPECT_EQ(ContentOf(replica.keyspace()), ContentOf(primary.keyspace()));
  // Too little by now.
  ReplicaNode other(3, 32 * kMi, kMi);
  FollowedStream to_other(&primary, &other);
  other.Follow(now_);
  for (int i = 0; i < 20; ++i) {
    Advance(20);
    to_other.Step(now_, Now(), 2);
  }
  ASSERT_TRUE(other.sink.is_copying());
  ASSERT_TRUE(other.served.SetMemoryLimit(4 * kMi).ok());
  for (int i = 0; i < 400 && to_other.last_failure_.ok(); ++i) {
    Advance(20);
    to_other.Step(now_, Now(), 8);
  }
  EXPECT_EQ(to_other.last_failure_.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(other.sink.is_copying());
}

// It fails in the middle of a batch; what went before counts, so that data and position agree.
TEST_F(ReplicationPairTest, WhatDoesNotFitAnyMoreFailsAndWhatWentBeforeCounts) {
  ReplicaNode primary(1, 32 * kMi, kMi);
  ReplicaNode replica(2, 6 * kMi, kMi);
  primary.Lead();
  FollowedStream stream(&primary, &replica);
  replica.Follow(now_);
  Settle(stream, primary, replica);
  int failures_within = 0;
  for (int i = 0; i < 40000; ++i) {
    const std::string key = "k" + std::to_string(i);
    ASSERT_TRUE(primary.keyspace()
                    .Set({cluster::HashSlot(key), key}, std::string(300, 'p'), {}, Now())
                    .ok());
    if (i % 20 != 0) continue;
    Advance(20);
    const uint64_t before = replica.state.sequence();
    stream.Step(now_, Now(), 50);
    ASSERT_EQ(replica.state.sequence(), replica.log.get()->position());
    if (stream.last_failure_.ok()) continue;
    if (replica.state.sequence() > before) ++failures_within;
    break;
  }
  EXPECT_EQ(stream.last_failure_.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_GT(failures_within, 0);
  // It tries again from there, and not more often than it should.
  const uint64_t full = replica.state.sequence();
  for (int i = 0; i < 1500; ++i) {
    Advance(20);
    stream.Step(now_, Now(), 50);
    ASSERT_EQ(replica.state.sequence(), replica.log.get()->position());
  }
  EXPECT_GE(replica.state.sequence(), full);
  EXPECT_EQ(primary.source.counts().copied_anew, 1u);
  // Room comes, behind what does not fit and is not in the log any more then: it copies.
  for (int i = 2000; i < 40000; ++i) {
    const std::string key = "k" + std::to_string(i);
    static_cast<void>(primary.keyspace().Delete({cluster::HashSlot(key), key}, {}, Now()));
  }
  WriteRandomly(primary, 10000);
  Settle(stream, primary, replica);
  EXPECT_EQ(ContentOf(replica.keyspace()), ContentOf(primary.keyspace()));
}

// Its own replica copies, and keeps its log from being written over for so long.
TEST_F(ReplicationPairTest, AFollowerWhoseLogHasNoRoomWaitsForItsOwnReplica) {
  ReplicaNode primary(1, 32 * kMi, 8 * kMi);
  ReplicaNode middle(2, 32 * kMi, kMi);
  ReplicaNode last(3, 32 * kMi, kMi);
  WriteRandomly(primary, 5000);
  primary.Lead();
  FollowedStream to_middle(&primary, &middle);
  middle.Follow(now_);
  Settle(to_middle, primary, middle);
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
  for (int i = 0; i < 20000 && last.state.sequence() != primary.log.get()->position(); ++i) {
    Advance(20);
    to_middle.Step(now_, Now(), 50);
    to_last.Step(now_, Now(), 50);
  }
  EXPECT_EQ(ContentOf(middle.keyspace()), ContentOf(primary.keyspace()));
  EXPECT_EQ(ContentOf(last.keyspace()), ContentOf(primary.keyspace()));
  EXPECT_EQ(primary.source.counts().copied_anew, 1u) << "the middle one copied again";
  EXPECT_EQ(middle.source.counts().copied_anew, 1u);
}

TEST_F(ReplicationPairTest, WhatIsLargerThanAllMemoryIsRefusedAndTriedAgain) {
  ReplicaNode primary(1, 32 * kMi, kMi);
  ReplicaNode replica(2, 4 * kMi, kMi);
  for (int i = 0; i < 20000; ++i) {
    const std::string key = "k" + std::to_string(i);
    ASSERT_TRUE(primary.keyspace()
                    .Set({cluster::HashSlot(key), key}, std::string(500, 'p'), {}, Now())
                    .ok());
  }
  primary.Lead();
  FollowedStream stream(&primary, &replica);
  replica.Follow(now_);
  for (int i = 0; i < 3000; ++i) {
    Advance(20);
    stream.Step(now_, Now(), 8);
    ASSERT_FALSE(replica.sink.Report().is_following);
  }
  EXPECT_EQ(stream.last_failure_.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_GT(primary.source.counts().copied_anew, 1u);
  EXPECT_LT(primary.source.counts().copied_anew, 10u) << "too often in a minute";
  // Room came.
  for (int i = 0; i < 18000; ++i) {
    const std::string key = "k" + std::to_string(i);
    ASSERT_TRUE(primary.keyspace().Delete({cluster::HashSlot(key), key}, {}, Now()).ok());
  }
  Settle(stream, primary, replica);
  EXPECT_EQ(ContentOf(replica.keyspace()), ContentOf(primary.keyspace()));
}

}  // namespace
}  // namespace larder::server
