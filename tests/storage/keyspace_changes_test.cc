// Of which slots a keyspace can say that its log has nothing of them from some sequence on.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/copy_chunk.h"
#include "storage/mutation_log.h"
#include "tests/storage/keyspace_fixture.h"
#include "tests/storage/random_mutations.h"

namespace larder::storage {
namespace {

class KeyspaceChangesTest : public KeyspaceTest {
 protected:
  static constexpr uint32_t kSlot = 70;
  static constexpr uint32_t kOther = 71;

  void SetUp() override { Make({.memory_bytes = 64 << 20, .stripes = 4}); }
  void TearDown() override { keyspace_.reset(); }

  std::unique_ptr<MutationLog> Attach(uint64_t first = 1) {
    auto log = MutationLog::Create({.bytes = 8 << 20, .first = first}).value();
    EXPECT_EQ(keyspace_->AttachLog(log.get()), first);
    return log;
  }
  void SetIn(uint32_t slot, std::string_view key, const SetOptions& options = {}) {
    ASSERT_TRUE(keyspace_->Set({slot, key}, "value", options, now_).ok());
  }
  uint64_t VersionOfSetIn(uint32_t slot, std::string_view key) {
    return keyspace_->Set({slot, key}, "value", {}, now_).value().version;
  }
  // All entries of a slot with all that they have.
  std::string TextOfSlot(uint32_t slot) {
    const ExportOptions options{.entries_max = 10000, .bytes_max = 8 << 20, .slots_end = slot + 1};
    EXPECT_EQ(keyspace_->ExportChunk({slot, 0}, options, &chunk_).next,
              (ScanPosition{slot + 1, 0}));
    return chunk_.substr(CopyChunk::kHeaderBytes);
  }
  bool IsUnchanged(uint32_t slot, uint64_t since) const {
    return keyspace_->RunOfSlots(slot, slot + 1, since).is_unchanged;
  }
  // Slots from there on, as runs: their ends, with a minus if they have changed.
  std::vector<int> Runs(uint32_t first, uint32_t slots_end, uint64_t since) const {
    std::vector<int> runs;
    while (first < slots_end) {
      const SlotRun run = keyspace_->RunOfSlots(first, slots_end, since);
      EXPECT_GT(run.end, first);
      first = run.end;
      runs.push_back(run.is_unchanged ? static_cast<int>(first) : -static_cast<int>(first));
    }
    return runs;
  }

 private:
  std::string chunk_;  // its memory is used again: a chunk reserves all that it may take
};

TEST_F(KeyspaceChangesTest, WithoutALogNothingIsKnown) {
  EXPECT_FALSE(IsUnchanged(kSlot, UINT64_MAX));
  auto log = Attach();
  EXPECT_TRUE(IsUnchanged(kSlot, 1));
  keyspace_->DetachLog();
  EXPECT_FALSE(IsUnchanged(kSlot, UINT64_MAX));
}

TEST_F(KeyspaceChangesTest, EachKindOfMutationChangesItsSlotAndNoOther) {
  const KeyRef key{kSlot, "key"};
  const std::vector<std::pair<std::string, std::function<void()>>> mutations = {
      {"Set", [&] { SetIn(kSlot, "key"); }},
      {"Touch", [&] { EXPECT_TRUE(keyspace_->Touch(key, now_ + Millis(900), now_)->found); }},
      {"Append", [&] { EXPECT_TRUE(keyspace_->Append(key, "more", {}, now_)->stored); }},
      {"Increment",
       [&] {
         const IncrementOptions options{.delta = 1, .initial = 1};
         EXPECT_TRUE(keyspace_->Increment({kSlot, "number"}, options, now_)->created);
       }},
      {"stale Delete",
       [&] {
         const DeleteOptions options{.stale_until = now_ + Millis(100)};
         EXPECT_TRUE(keyspace_->Delete(key, options, now_)->deleted);
       }},
      {"Delete of what is stale", [&] { EXPECT_FALSE(keyspace_->Delete(key, {}, now_)->deleted); }},
      {"Set with a ttl", [&] { SetIn(kSlot, "key", {.expires_at = now_ + Millis(5)}); }},
      {"expiry",
       [&] {
         Advance(10);
         EXPECT_EQ(keyspace_->Expire(now_, 100), 1u);
       }},
      {"Delete", [&] { EXPECT_TRUE(keyspace_->Delete({kSlot, "number"}, {}, now_)->deleted); }},
      {"Set before a flush", [&] { SetIn(kSlot, "key"); }},
      {"FlushSlot", [&] { EXPECT_EQ(*keyspace_->FlushSlot(kSlot, now_), 1u); }},
      {"of another node",
       [&] {
         const uint64_t version = VersionOfSetIn(kSlot, "key");
         EXPECT_TRUE(*keyspace_->Apply({MutationKind::kDelete, kSlot, "key", version + 1}, now_));
       }},
      {"of another node, of what is not there",
       [&] { EXPECT_FALSE(*keyspace_->Apply({MutationKind::kEvict, kSlot, "absent", 5}, now_)); }},
      {"flush of another node", [&] {
         EXPECT_TRUE(*keyspace_->Apply(
             {.kind = MutationKind::kFlushSlot, .slot = kSlot, .version = 5}, now_));
       }}};
  SetIn(kOther, "other");
  const auto log = Attach();
  for (const auto& [name, mutate] : mutations) {
    SCOPED_TRACE(name);
    const uint64_t before = log->position();
    EXPECT_TRUE(IsUnchanged(kSlot, before));
    mutate();
    EXPECT_FALSE(IsUnchanged(kSlot, before));
    EXPECT_FALSE(IsUnchanged(kSlot, log->position() - 1));
    EXPECT_TRUE(IsUnchanged(kSlot, log->position()));
    EXPECT_TRUE(IsUnchanged(kOther, 1));
  }
}

TEST_F(KeyspaceChangesTest, WhatChangesNothingLeavesItsSlot) {
  SetIn(kSlot, "key");
  const auto log = Attach();
  const KeyRef absent{kSlot, "absent"};
  StringSink sink;
  keyspace_->Get({kSlot, "key"}, now_, sink);
  EXPECT_FALSE(keyspace_->Delete(absent, {}, now_)->deleted);
  EXPECT_FALSE(keyspace_->Touch(absent, now_, now_)->found);
  EXPECT_FALSE(keyspace_->Append(absent, "x", {.if_present = true}, now_)->stored);
  EXPECT_FALSE(keyspace_->Increment(absent, {.delta = 1}, now_)->found);
  EXPECT_TRUE(keyspace_->Lease(absent, {Millis(10)}, now_, sink).ok());
  keyspace_->SetSlotOwned(kSlot, false, now_);
  EXPECT_TRUE(IsUnchanged(kSlot, 1));
  EXPECT_EQ(log->position(), 1u);
}

TEST_F(KeyspaceChangesTest, WhatIsEvictedChangesItsSlot) {
  Make({.memory_bytes = 4 << 20, .stripes = 1});
  SetIn(kSlot, "first");
  const auto log = Attach();
  const uint64_t before = log->position();
  for (int i = 0; IsUnchanged(kSlot, before); ++i) {
    ASSERT_LT(i, 100000);
    const std::string key = "k" + std::to_string(i);
    ASSERT_TRUE(keyspace_->Set({kOther, key}, std::string(1000, 'v'), {}, now_).ok());
    const bool is_there = keyspace_->StatsOfSlot(kSlot).entries > 0;
    EXPECT_EQ(IsUnchanged(kSlot, before), is_there);
  }
  EXPECT_GT(keyspace_->Stats().evictions, 0u);
}

TEST_F(KeyspaceChangesTest, WhatWasThereBeforeTheLogMayBeAsNewAsItsBeginning) {
  SetIn(kSlot, "key");
  auto log = Attach(100);
  EXPECT_FALSE(IsUnchanged(kSlot, 99));
  EXPECT_TRUE(IsUnchanged(kSlot, 100));
  SetIn(kOther, "key");
  EXPECT_FALSE(IsUnchanged(kOther, 100));
  keyspace_->DetachLog();
  SetIn(kSlot, "key");  // without a record
  log = Attach(200);
  EXPECT_FALSE(IsUnchanged(kSlot, 199));
  EXPECT_FALSE(IsUnchanged(kOther, 199));
  EXPECT_TRUE(IsUnchanged(kSlot, 200));
  EXPECT_TRUE(IsUnchanged(kOther, 200));
  // Another one takes its place, and begins before it.
  const auto next = Attach(150);
  EXPECT_FALSE(IsUnchanged(kSlot, 149));
  EXPECT_TRUE(IsUnchanged(kSlot, 150));
  keyspace_->DetachLog();
}

TEST_F(KeyspaceChangesTest, ARunEndsWhereSomethingElseCanBeSaid) {
  for (const uint32_t slot : {3, 5, 20, 21}) SetIn(slot, "before");
  const auto log = Attach();
  EXPECT_EQ(Runs(0, 100, 1), (std::vector<int>{100}));
  for (const uint32_t slot : {5, 6, 10}) SetIn(slot, "after");
  // Empty slots go with either.
  EXPECT_EQ(Runs(0, 100, 1), (std::vector<int>{5, -20, 100}));
  EXPECT_EQ(Runs(6, 8, 1), (std::vector<int>{-8}));
  EXPECT_EQ(Runs(12, 21, 1), (std::vector<int>{21}));
  EXPECT_EQ(Runs(0, 100, log->position()), (std::vector<int>{100}));
  EXPECT_EQ(Runs(kSlots - 1, kSlots, 1), (std::vector<int>{kSlots}));
  // No call looks at all of them.
  EXPECT_EQ(Runs(21, kSlots, 1).size(), 8u);
  EXPECT_EQ(Runs(21, kSlots, 0).size(), 128u);
}

// A model: what each slot had when the log was at some position, beside what is said of it now.
TEST_F(KeyspaceChangesTest, WhatIsUnchangedHasWhatItHadThen) {
  Make({.memory_bytes = 5 << 20, .stripes = 8});
  Random random(11);
  MutationMix mix{.keys = 20000, .value_bytes_max = 1500, .slots = 300};
  const auto log = MutationLog::Create({.bytes = 64 << 20}).value();
  for (int i = 0; i < 40000; ++i) MutateOnce(*keyspace_, mix, random, now_);
  keyspace_->AttachLog(log.get());
  int unchanged = 0;
  int changed = 0;
  for (int round = 0; round < 60; ++round) {
    const uint64_t then = log->position();
    std::vector<std::string> before;
    for (uint32_t slot = 0; slot < mix.slots; ++slot) before.push_back(TextOfSlot(slot));
    const uint64_t mutations = random.Below(200);
    for (uint64_t i = 0; i < mutations; ++i) {
      if (random.Below(8) == 0) Advance(1);
      MutateOnce(*keyspace_, mix, random, now_);
    }
    for (uint32_t slot = 0; slot < mix.slots; ++slot) {
      if (!IsUnchanged(slot, then)) {
        ++changed;
        continue;
      }
      ++unchanged;
      ASSERT_EQ(TextOfSlot(slot), before[slot]) << "slot " << slot << " in round " << round;
    }
  }
  EXPECT_GT(keyspace_->Stats().evictions, 0u);
  EXPECT_GT(keyspace_->Stats().expirations, 0u);
  EXPECT_GT(unchanged, 1000);
  EXPECT_GT(changed, 1000);
}

}  // namespace
}  // namespace larder::storage
