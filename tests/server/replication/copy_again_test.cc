// Copies that are cut and begin again, since the log does not reach back to where they were.
#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "server/replication/copy_cursor.h"
#include "storage/content_digest.h"
#include "tests/server/replication/replication_pair_test.h"

namespace larder::server {
namespace {

constexpr int kRounds = 40;

class CopyAgainTest : public ReplicationPairTest {
 protected:
  static cluster::SourceOptions SmallChunks() {
    cluster::SourceOptions options;
    options.chunk_bytes = 8 << 10;
    return options;
  }
  // More than the ring of a mebibyte has, in one slot; a replica keeps up with it.
  void OutgrowTheLog(ReplicaNode& node, FollowedStream* stream = nullptr) {
    for (int i = 0; i < 90; ++i) {
      const std::string key = "{large}" + std::to_string(random_() % 8);
      ASSERT_TRUE(node.keyspace()
                      .Set({cluster::HashSlot(key), key}, std::string(16000, 'l'), {}, Now())
                      .ok());
      if (stream != nullptr) stream->Step(now_, Now(), 50);
    }
  }
  // Until the replica has begun a copy and has so much of it.
  void CopyUntil(FollowedStream& stream, ReplicaNode& replica, uint64_t bytes) {
    for (int i = 0; i < 20000 && replica.sink.Report().copied_bytes < bytes; ++i) {
      ASSERT_FALSE(replica.sink.Report().is_following);
      Advance(20);
      stream.Step(now_, Now(), 1);
    }
    ASSERT_GE(replica.sink.Report().copied_bytes, bytes);
  }
  // Whether a copy has come to the middle of a slot.
  static bool IsInSlot(const ReplicaNode& source, const std::string& cursor, uint32_t slot) {
    const auto at = CopyCursor(source.served.get()->hasher()).Decode(cursor);
    return at.ok() && at->slot == slot && CopyCursor::IsInsideSlot(cursor);
  }
  static std::string DigestOf(const storage::Keyspace& keyspace) {
    storage::ContentDigest digest;
    for (storage::ScanPosition at; !at.at_end();) at = keyspace.DigestSlot(at, {}, &digest).next;
    return digest.ToString();
  }
  static void ExpectEqual(const ReplicaNode& one, const ReplicaNode& other) {
    EXPECT_EQ(DigestOf(*one.served.get()), DigestOf(*other.served.get()));
    EXPECT_EQ(ContentOf(*one.served.get()), ContentOf(*other.served.get()));
  }
};

TEST_F(CopyAgainTest, OnlyWhatHasChangedSinceIsSentAgain) {
  ReplicaNode primary(1, 32 * kMi, kMi, SmallChunks());
  ReplicaNode other(2, 32 * kMi, kMi);
  ReplicaNode replica(3, 32 * kMi, kMi);
  WriteRandomly(primary, 20000);
  FollowedStream to_other = LeadAndSettle(primary, other);
  to_other.Cut(now_);
  const uint64_t whole = primary.source.counts().chunk_bytes;
  FollowedStream stream(&primary, &replica);
  replica.Follow(now_);
  CopyUntil(stream, replica, whole / 10 * 9);
  stream.Cut(now_);
  const uint64_t before = primary.source.counts().chunk_bytes;
  OutgrowTheLog(primary);
  WriteRandomly(primary, 20);
  Settle(stream, primary, replica);
  ExpectEqual(primary, replica);
  const cluster::SourceCounts& counts = primary.source.counts();
  EXPECT_EQ(counts.copied_anew, 2u);
  EXPECT_EQ(counts.copied_again, 1u);
  EXPECT_GT(counts.chunks_kept, 5u);
  // Beside what is new, a tenth that was not there, and less than a fifth of what was.
  const uint64_t large = uint64_t{8} * 16100;
  EXPECT_LT(counts.chunk_bytes - before, large + whole / 10 + whole / 5);
}

TEST_F(CopyAgainTest, WhatIsDeletedExpiredOrFlushedMeanwhileIsNotThere) {
  ReplicaNode primary(1, 32 * kMi, kMi, SmallChunks());
  ReplicaNode replica(2, 32 * kMi, kMi);
  WriteRandomly(primary, 20000);
  const auto set = [&](const std::string& key, const storage::SetOptions& options = {}) {
    ASSERT_TRUE(primary.keyspace().Set({cluster::HashSlot(key), key}, key, options, Now()).ok());
  };
  // Of the first slots, which are copied when it is cut.
  std::vector<std::string> early;
  for (int i = 0; early.size() < 30; ++i) {
    std::string key = "early" + std::to_string(i);
    if (cluster::HashSlot(key) < 500) early.push_back(std::move(key));
  }
  for (const std::string& key : early) set(key);
  for (int i = 0; i < 10; ++i) set(early[i], {.expires_at = Now() + storage::Millis(20000)});
  FollowedStream stream = LeadAndFollow(primary, replica);
  CopyUntil(stream, replica, 300'000);
  stream.Cut(now_);
  Advance(30000);
  for (bool more = true; more;) primary.keyspace().Expire(Now(), 1000, &more);
  for (int i = 10; i < 20; ++i) {
    const storage::KeyRef ref{cluster::HashSlot(early[i]), early[i]};
    ASSERT_TRUE(primary.keyspace().Delete(ref, {}, Now())->deleted);
  }
  for (int i = 20; i < 30; ++i) {
    ASSERT_TRUE(primary.keyspace().FlushSlot(cluster::HashSlot(early[i]), Now()).ok());
  }
  OutgrowTheLog(primary);
  Settle(stream, primary, replica);
  ExpectEqual(primary, replica);
  for (const std::string& key : early) EXPECT_FALSE(ContentOf(replica.keyspace()).contains(key));
  EXPECT_EQ(primary.source.counts().copied_again, 1u);
  EXPECT_GT(primary.source.counts().chunks_kept, 5u);
}

TEST_F(CopyAgainTest, AFollowerThatFeedsOthersKnowsWhatHasChanged) {
  ReplicaNode primary(1, 32 * kMi, kMi);
  ReplicaNode middle(2, 32 * kMi, kMi, SmallChunks());
  ReplicaNode last(3, 32 * kMi, kMi);
  WriteRandomly(primary, 20000);
  FollowedStream to_middle = LeadAndSettle(primary, middle);
  FollowedStream to_last(&middle, &last);
  last.Follow(now_);
  CopyUntil(to_last, last, 300'000);
  to_last.Cut(now_);
  OutgrowTheLog(primary, &to_middle);
  WriteRandomly(primary, 20);
  Settle(to_middle, primary, middle);
  Settle(to_last, middle, last);
  ExpectEqual(primary, last);
  EXPECT_EQ(middle.source.counts().copied_anew, 1u);
  EXPECT_EQ(middle.source.counts().copied_again, 1u);
  EXPECT_GT(middle.source.counts().chunks_kept, 5u);
  EXPECT_EQ(primary.source.counts().copied_anew, 1u);
}

// The one that takes over does not know what had changed before its log; the first does.
TEST_F(CopyAgainTest, ASlotOfWhichThereIsOnlyAPartIsNotKept) {
  ReplicaNode primary(1, 32 * kMi, kMi, SmallChunks());
  ReplicaNode middle(2, 32 * kMi, kMi, SmallChunks());
  ReplicaNode replica(3, 32 * kMi, kMi);
  // In an early slot.
  std::string tag;
  for (int i = 0; tag.empty() || cluster::HashSlot(tag) > 4000; ++i) {
    tag = "{one" + std::to_string(i) + "}";
  }
  for (int i = 0; i < 400; ++i) {
    const std::string key = tag + std::to_string(i);
    ASSERT_TRUE(primary.keyspace()
                    .Set({cluster::HashSlot(key), key}, std::string(1000, 'o'), {}, Now())
                    .ok());
  }
  WriteRandomly(primary, 20000);
  FollowedStream to_replica = LeadAndFollow(primary, replica);
  // All but the end.
  const uint64_t most = primary.keyspace().Memory().entries / 10 * 8;
  CopyUntil(to_replica, replica, most);
  to_replica.Cut(now_);
  OutgrowTheLog(primary);
  FollowedStream to_middle(&primary, &middle);
  middle.Follow(now_);
  Settle(to_middle, primary, middle);
  // It copies again all that is there, since its log is younger, and is cut inside the large slot.
  FollowedStream aside(&middle, &replica);
  replica.sink.Follow(true, now_);
  const uint32_t one = cluster::HashSlot(tag);
  bool is_inside = false;
  for (int i = 0; i < 20000 && !is_inside; ++i) {
    Advance(20);
    aside.Step(now_, Now(), 1);
    is_inside = IsInSlot(middle, aside.copied_to(), one);
    ASSERT_FALSE(replica.sink.Report().is_following);
  }
  ASSERT_TRUE(is_inside);
  aside.Cut(now_);
  EXPECT_EQ(middle.source.counts().copied_again, 1u);
  EXPECT_EQ(middle.source.counts().chunks_kept, 0u);
  to_middle.Cut(now_);
  OutgrowTheLog(primary);
  FollowedStream back(&primary, &replica);
  replica.sink.Follow(true, now_);
  Settle(back, primary, replica);
  ExpectEqual(primary, replica);
  EXPECT_EQ(primary.source.counts().copied_again, 1u);
  EXPECT_GT(primary.source.counts().chunks_kept, 0u);
  EXPECT_THAT(std::string(back.last_failure_.message()), testing::HasSubstr("has only a part"));
}

// Random writes, a ring that is soon too short, and cuts at any time.
TEST_F(CopyAgainTest, HoweverOftenItIsCutTheReplicaHasWhatThePrimaryHas) {
  uint64_t again = 0;
  uint64_t onward = 0;
  uint64_t kept = 0;
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    random_.seed(1000 + round);
    SCOPED_TRACE("round " + std::to_string(round));
    ReplicaNode primary(1, 16 * kMi, kMi, SmallChunks());
    ReplicaNode middle(2, 16 * kMi, kMi, SmallChunks());
    ReplicaNode replica(3, 16 * kMi, kMi);
    WriteRandomly(primary, 4000);
    FollowedStream to_middle = LeadAndSettle(primary, middle);
    ReplicaNode* source = &primary;
    auto stream = std::make_unique<FollowedStream>(source, &replica);
    replica.Follow(now_);
    for (int step = 0; step < 300; ++step) {
      WriteRandomly(primary, static_cast<int>(random_() % 4));
      Advance(20);
      to_middle.Step(now_, Now(), 50);
      stream->Step(now_, Now(), 1 + static_cast<int>(random_() % 2));
      if (replica.sink.Report().is_following) break;
      if (random_() % 25 != 0) continue;
      stream->Cut(now_);
      if (random_() % 2 == 0) OutgrowTheLog(primary, &to_middle);
      Settle(to_middle, primary, middle);
      if (random_() % 4 != 0) continue;
      source = source == &primary ? &middle : &primary;
      stream = std::make_unique<FollowedStream>(source, &replica);
      replica.sink.Follow(true, now_);
    }
    for (int i = 0; i < 20; ++i) {
      Settle(to_middle, primary, middle);
      Settle(*stream, *source, replica);
      if (replica.state.sequence() == primary.log.get()->position()) break;
    }
    ASSERT_EQ(DigestOf(replica.keyspace()), DigestOf(primary.keyspace()));
    for (const ReplicaNode* node : {&primary, &middle}) {
      again += node->source.counts().copied_again;
      onward += node->source.counts().copied_onward;
      kept += node->source.counts().chunks_kept;
    }
  }
  EXPECT_GT(again, static_cast<uint64_t>(kRounds) / 2);
  EXPECT_GT(onward, static_cast<uint64_t>(kRounds) / 2);
  EXPECT_GT(kept, static_cast<uint64_t>(kRounds) * 5);
}

}  // namespace
}  // namespace larder::server
