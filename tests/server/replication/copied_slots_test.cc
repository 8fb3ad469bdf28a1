// What a feed lets a replica keep of a copy that was cut.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "server/replication/copy_cursor.h"
#include "server/replication/keyspace_feed.h"
#include "storage/copy_chunk.h"
#include "storage/keyspace.h"
#include "storage/mutation_log.h"

namespace larder::server {
namespace {

using Chunk = cluster::ReplicationFeed::Chunk;
using Copied = cluster::ReplicationFeed::Copied;

class CopiedSlotsTest : public testing::Test {
 protected:
  static constexpr uint32_t kLastSlot = storage::kSlots - 1;

  CopiedSlotsTest() {
    for (const uint32_t slot : {5, 6, 7, 300, static_cast<int>(kLastSlot)}) Set(slot, 50);
    keyspace_->AttachLog(log_.get());
    Set(100, 1);
    then_ = log_->position();
  }
  ~CopiedSlotsTest() override { keyspace_->DetachLog(); }

  void Set(uint32_t slot, int entries) {
    for (int i = 0; i < entries; ++i) {
      const std::string key = "key" + std::to_string(i);
      ASSERT_TRUE(
          keyspace_->Set({slot, key}, std::string(100, 'v'), {}, storage::TimePoint()).ok());
    }
  }
  std::string Cursor(uint32_t slot, uint64_t hash = 0) const {
    return CopyCursor(keyspace_->hasher()).Encode({slot, hash});
  }
  Copied CopiedTo(uint32_t slot, uint64_t hash = 0) const { return {then_, Cursor(slot, hash)}; }
  uint32_t SlotOf(const std::string& cursor) const {
    return CopyCursor(keyspace_->hasher()).Decode(cursor).value().slot;
  }
  uint64_t Entries(const Chunk& chunk) const {
    return storage::CopyChunk::Parse(chunk.payload, UINT64_MAX).value().entries();
  }
  void ExpectKept(const Chunk& chunk, uint32_t end) const {
    EXPECT_TRUE(chunk.keep);
    EXPECT_EQ(chunk.end, Cursor(end));
    EXPECT_TRUE(chunk.payload.empty());
    EXPECT_EQ(chunk.position, log_->position());
    EXPECT_EQ(chunk.exact_from, chunk.position);
    EXPECT_EQ(chunk.is_last, end == storage::kSlots);
  }
  // Goes through it all; of how many slots with entries something was sent.
  uint64_t EntriesSent(const Copied& copied, int* kept) {
    uint64_t entries = 0;
    std::string cursor;
    for (bool is_last = false; !is_last;) {
      const Chunk chunk = feed_.ReadChunk(cursor, 1 << 20, copied);
      if (chunk.keep) ++*kept;
      if (!chunk.keep) entries += Entries(chunk);
      is_last = chunk.is_last;
      cursor = chunk.end;
    }
    EXPECT_EQ(cursor, Cursor(storage::kSlots));
    return entries;
  }

  storage::HybridClock clock_{1};
  std::unique_ptr<storage::Keyspace> keyspace_ = storage::Keyspace::Create({}, &clock_).value();
  std::unique_ptr<storage::MutationLog> log_ =
      storage::MutationLog::Create({.bytes = 4 << 20}).value();
  KeyspaceFeed feed_{keyspace_.get(), log_.get()};
  uint64_t then_ = 0;
};

TEST_F(CopiedSlotsTest, WhatHasNotChangedIsKeptAndTheRestCopied) {
  Set(6, 1);
  ExpectKept(feed_.ReadChunk("", 1 << 20, CopiedTo(400)), 6);
  const Chunk changed = feed_.ReadChunk(Cursor(6), 1 << 20, CopiedTo(400));
  EXPECT_FALSE(changed.keep);
  EXPECT_EQ(Entries(changed), 50u);
  EXPECT_EQ(changed.end, Cursor(7)) << "what may be kept is not copied with it";
  ExpectKept(feed_.ReadChunk(Cursor(7), 1 << 20, CopiedTo(400)), 400);
  const Chunk behind = feed_.ReadChunk(Cursor(400), 1 << 20, CopiedTo(400));
  EXPECT_FALSE(behind.keep) << "it was not copied";
  EXPECT_EQ(SlotOf(behind.end), 400u + 2048);
}

TEST_F(CopiedSlotsTest, WithoutAnEarlierPassNothingIsKept) {
  int kept = 0;
  std::string cursor;
  for (bool is_last = false; !is_last;) {
    const Chunk chunk = feed_.ReadChunk(cursor, 1 << 20, std::nullopt);
    EXPECT_FALSE(chunk.keep);
    is_last = chunk.is_last;
    cursor = chunk.end;
  }
  EXPECT_EQ(EntriesSent({then_, ""}, &kept), 251u);
  EXPECT_EQ(kept, 0);
}

TEST_F(CopiedSlotsTest, WhatWasThereBeforeTheLogIsCopiedToWhoCopiedBeforeThat) {
  keyspace_->DetachLog();
  log_ = storage::MutationLog::Create({.bytes = 4 << 20, .first = then_ + 1}).value();
  keyspace_->AttachLog(log_.get());
  KeyspaceFeed feed(keyspace_.get(), log_.get());
  EXPECT_FALSE(feed.ReadChunk("", 1 << 20, CopiedTo(400)).keep);
  EXPECT_TRUE(feed.ReadChunk("", 1 << 20, Copied{then_ + 1, Cursor(400)}).keep);
}

TEST_F(CopiedSlotsTest, WhatIsGoneSinceIsCopiedAsNothing) {
  ASSERT_TRUE(keyspace_->Delete({100, "key0"}, {}, storage::TimePoint())->deleted);
  ASSERT_EQ(*keyspace_->FlushSlot(300, storage::TimePoint()), 50u);
  const Chunk gone = feed_.ReadChunk(Cursor(100), 1 << 20, CopiedTo(400));
  EXPECT_FALSE(gone.keep);
  EXPECT_EQ(Entries(gone), 0u);
  EXPECT_LE(SlotOf(gone.end), 300u);
  EXPECT_FALSE(feed_.ReadChunk(Cursor(300), 1 << 20, CopiedTo(400)).keep);
  EXPECT_TRUE(feed_.ReadChunk(Cursor(301), 1 << 20, CopiedTo(400)).keep);
}

TEST_F(CopiedSlotsTest, ACopyMayEndWithWhatIsKept) {
  int kept = 0;
  EXPECT_EQ(EntriesSent(CopiedTo(storage::kSlots), &kept), 0u);
  EXPECT_EQ(kept, 8);
  ExpectKept(feed_.ReadChunk(Cursor(kLastSlot), 1 << 20, CopiedTo(storage::kSlots)),
             storage::kSlots);
}

TEST_F(CopiedSlotsTest, ALastSlotThatHasChangedIsAChunkOfItsOwn) {
  Set(kLastSlot - 1, 1);
  Set(kLastSlot, 1);
  const Chunk before = feed_.ReadChunk(Cursor(kLastSlot - 1), 1 << 20, CopiedTo(storage::kSlots));
  EXPECT_FALSE(before.keep);
  EXPECT_EQ(before.end, Cursor(kLastSlot));
  const Chunk last = feed_.ReadChunk(before.end, 1 << 20, CopiedTo(storage::kSlots));
  EXPECT_FALSE(last.keep);
  EXPECT_TRUE(last.is_last);
  EXPECT_EQ(last.exact_from, last.position);
}

TEST_F(CopiedSlotsTest, TheSlotWhereACopyWasCutIsCopiedWhole) {
  ExpectKept(feed_.ReadChunk(Cursor(5), 1 << 20, CopiedTo(6, /*hash=*/uint64_t{1} << 63)), 6);
  const Chunk cut = feed_.ReadChunk(Cursor(6), 1 << 20, CopiedTo(6, uint64_t{1} << 63));
  EXPECT_FALSE(cut.keep);
  EXPECT_GE(Entries(cut), 100u);
}

// What the replica had of it went when it was begun again.
TEST_F(CopiedSlotsTest, ASlotThatWasBegunAgainIsFinished) {
  Set(6, 1);
  const Chunk begun = feed_.ReadChunk(Cursor(6), 2000, CopiedTo(400));
  EXPECT_FALSE(begun.keep);
  ASSERT_EQ(SlotOf(begun.end), 6u) << "it is in the middle";
  // Also where it does not count as changed, as at another source.
  then_ = log_->position();
  const Chunk rest = feed_.ReadChunk(begun.end, 1 << 20, CopiedTo(400));
  EXPECT_FALSE(rest.keep);
  EXPECT_EQ(Entries(begun) + Entries(rest), 50u);
  EXPECT_EQ(rest.end, Cursor(7));
  EXPECT_TRUE(feed_.ReadChunk(rest.end, 1 << 20, CopiedTo(400)).keep);
  // And under another secret, where it is copied from its beginning.
  const auto other = storage::Keyspace::Create({.hash_secret = {{4, 4, 4, 4}}}, &clock_).value();
  const std::string foreign = CopyCursor(other->hasher()).Encode({6, uint64_t{1} << 63});
  const Chunk whole = feed_.ReadChunk(foreign, 1 << 20, CopiedTo(400));
  EXPECT_FALSE(whole.keep);
  EXPECT_EQ(Entries(whole), 50u);
  EXPECT_EQ(whole.end, Cursor(7));
  const std::string at_slot = CopyCursor(other->hasher()).Encode({6, 0});
  EXPECT_TRUE(feed_.ReadChunk(at_slot, 1 << 20, CopiedTo(400)).keep);
}

}  // namespace
}  // namespace larder::server
