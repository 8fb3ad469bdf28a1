// A replica whose memory is too small for what it is given.
#include <gmock/gmock.h>

#include <memory>
#include <string>

#include "cluster/hash_slot.h"
#include "tests/server/replication/replication_pair_test.h"

namespace larder::server {
namespace {

class ReplicaMemoryTest : public ReplicationPairTest {};

TEST_F(ReplicaMemoryTest, WhatDoesNotFitBesideTheCopyMakesWay) {
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
  FollowedStream stream = LeadAndFollow(primary, replica);
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

TEST_F(ReplicaMemoryTest, WhatMadeWayForACopyIsNotSaidToBeThere) {
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
  FollowedStream stream = LeadAndSettle(primary, replica);
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

TEST_F(ReplicaMemoryTest, TheMemoryLimitMayChangeWhileACopyComes) {
  ReplicaNode primary(1, 32 * kMi, kMi);
  for (int i = 0; i < 20000; ++i) {
    const std::string key = "k" + std::to_string(i);
    ASSERT_TRUE(primary.keyspace()
                    .Set({cluster::HashSlot(key), key}, std::string(500, 'p'), {}, Now())
                    .ok());
  }
  // Not so little that it would be seen beforehand.
  ReplicaNode replica(2, primary.keyspace().Memory().entries / 17 * 16 + 32, kMi);
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
TEST_F(ReplicaMemoryTest, WhatDoesNotFitAnyMoreFailsAndWhatWentBeforeCounts) {
  std::unique_ptr<ReplicaNode> primary_node;
  std::unique_ptr<ReplicaNode> replica_node;
  std::unique_ptr<FollowedStream> followed;
  bool fails_within = false;
  // Now and then it is the first record that has no room.
  for (int bytes = 300; bytes < 310 && !fails_within; ++bytes) {
    followed.reset();
    primary_node = std::make_unique<ReplicaNode>(1, 32 * kMi, kMi);
    replica_node = std::make_unique<ReplicaNode>(2, 6 * kMi, kMi);
    primary_node->Lead();
    followed = std::make_unique<FollowedStream>(primary_node.get(), replica_node.get());
    replica_node->Follow(now_);
    Settle(*followed, *primary_node, *replica_node);
    for (int i = 0; i < 40000 && followed->last_failure_.ok(); ++i) {
      const std::string key = "k" + std::to_string(i);
      ASSERT_TRUE(primary_node->keyspace()
                      .Set({cluster::HashSlot(key), key}, std::string(bytes, 'p'), {}, Now())
                      .ok());
      if (i % 10 != 0) continue;
      Advance(20);
      const uint64_t before = replica_node->state.sequence();
      followed->Step(now_, Now(), 50);
      ASSERT_EQ(replica_node->state.sequence(), replica_node->log.get()->position());
      fails_within = !followed->last_failure_.ok() && replica_node->state.sequence() > before;
    }
  }
  ReplicaNode& primary = *primary_node;
  ReplicaNode& replica = *replica_node;
  FollowedStream& stream = *followed;
  EXPECT_EQ(stream.last_failure_.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(fails_within) << stream.last_failure_;
  // It tries again from there, and not more often than it should.
  const uint64_t full = replica.state.sequence();
  for (int i = 0; i < 1500; ++i) {
    Advance(20);
    stream.Step(now_, Now(), 50);
    ASSERT_EQ(replica.state.sequence(), replica.log.get()->position());
  }
  EXPECT_EQ(replica.state.sequence(), full);
  EXPECT_GT(primary.source.counts().copied_anew, 1u);
  EXPECT_LT(primary.source.counts().copied_anew, 6u) << "too often in half a minute";
  // Room comes, behind what does not fit and is not in the log any more then: it copies.
  for (int i = 2000; i < 40000; ++i) {
    const std::string key = "k" + std::to_string(i);
    static_cast<void>(primary.keyspace().Delete({cluster::HashSlot(key), key}, {}, Now()));
  }
  WriteRandomly(primary, 10000);
  Settle(stream, primary, replica);
  EXPECT_EQ(ContentOf(replica.keyspace()), ContentOf(primary.keyspace()));
}

TEST_F(ReplicaMemoryTest, WhereTheLogLeadsToMoreThanTheMemoryItCopiesOnceThatFits) {
  ReplicaNode primary(1, 64 * kMi, 64 * kMi);
  ReplicaNode replica(2, 6 * kMi, kMi);
  FollowedStream stream = LeadAndFollow(primary, replica);
  const auto fill = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      const std::string key = "k" + std::to_string(i);
      ASSERT_TRUE(primary.keyspace()
                      .Set({cluster::HashSlot(key), key}, std::string(300, 'p'), {}, Now())
                      .ok());
    }
  };
  fill(0, 5000);
  Settle(stream, primary, replica);
  // Until it has no room: the primary has no more than a little too much for it.
  for (int i = 5000; i < 40000 && stream.last_failure_.ok(); i += 20) {
    fill(i, i + 20);
    Advance(20);
    stream.Step(now_, Now(), 50);
  }
  EXPECT_EQ(replica.sink.Report().trouble, cluster::SinkTrouble::kApplyFailed);
  EXPECT_THAT(replica.sink.Report().detail, testing::HasSubstr("--memory"));
  fill(40000, 41000);
  const Content held = ContentOf(replica.keyspace());
  for (int i = 0; i < 3000; ++i) {
    Advance(20);
    stream.Step(now_, Now(), 50);
    ASSERT_NE(replica.served.get(), nullptr) << "what it has goes for a copy that does not fit";
  }
  EXPECT_EQ(replica.sink.Report().trouble, cluster::SinkTrouble::kCopyFailed);
  EXPECT_THAT(replica.sink.Report().detail, testing::HasSubstr("--memory="));
  EXPECT_EQ(ContentOf(replica.keyspace()), held);
  EXPECT_GT(primary.source.counts().copied_anew, 1u);
  EXPECT_LT(primary.source.counts().copied_anew, 10u) << "too often in a minute";
  // Much goes, which stands behind what does not fit in a log that has all of it.
  ASSERT_TRUE(primary.keyspace().Flush(Now()).ok());
  fill(0, 3000);
  Settle(stream, primary, replica);
  EXPECT_EQ(primary.source.counts().fell_behind, 0u);
  EXPECT_EQ(ContentOf(replica.keyspace()), ContentOf(primary.keyspace()));
  fill(3000, 3100);
  Settle(stream, primary, replica);
  EXPECT_EQ(ContentOf(replica.keyspace()), ContentOf(primary.keyspace()));
}

TEST_F(ReplicaMemoryTest, WhenTheLimitIsRaisedWhatTheLogLeadsToFits) {
  ReplicaNode primary(1, 64 * kMi, 64 * kMi);
  ReplicaNode replica(2, 6 * kMi, kMi);
  FollowedStream stream = LeadAndSettle(primary, replica);
  for (int i = 0; i < 40000; ++i) {
    const std::string key = "k" + std::to_string(i);
    ASSERT_TRUE(primary.keyspace()
                    .Set({cluster::HashSlot(key), key}, std::string(300, 'p'), {}, Now())
                    .ok());
  }
  for (int i = 0; i < 1500; ++i) {
    Advance(20);
    stream.Step(now_, Now(), 50);
  }
  EXPECT_EQ(replica.sink.Report().trouble, cluster::SinkTrouble::kCopyFailed);
  ASSERT_TRUE(replica.served.SetMemoryLimit(64 * kMi).ok());
  Settle(stream, primary, replica);
  EXPECT_EQ(ContentOf(replica.keyspace()), ContentOf(primary.keyspace()));
}

TEST_F(ReplicaMemoryTest, WhatIsLargerThanAllMemoryIsRefusedAndTriedAgain) {
  ReplicaNode primary(1, 32 * kMi, kMi);
  ReplicaNode replica(2, 4 * kMi, kMi);
  for (int i = 0; i < 20000; ++i) {
    const std::string key = "k" + std::to_string(i);
    ASSERT_TRUE(primary.keyspace()
                    .Set({cluster::HashSlot(key), key}, std::string(500, 'p'), {}, Now())
                    .ok());
  }
  FollowedStream stream = LeadAndFollow(primary, replica);
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
