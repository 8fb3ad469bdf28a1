// A slot is empty at once when it is flushed, and what it had goes by steps.

#include "storage/random.h"
#include "tests/storage/logged_keyspace.h"

namespace larder::storage {
namespace {

using KeyspaceFlushTest = KeyspaceCommitTest;

TEST_F(KeyspaceFlushTest, AFlushStaysWithinTheBudgetAlsoOfManySmallSlots) {
  MakeWithLog({.memory_bytes = 4 << 20, .stripes = 1, .eviction = EvictionKind::kLru});
  for (uint32_t i = 0; i < 30000; ++i) {
    ASSERT_TRUE(
        keyspace_->Set({i % 16384, "k" + std::to_string(i)}, std::string(60, 'v'), {}, now_).ok());
  }
  ASSERT_TRUE(keyspace_->Flush(now_).ok());
  EXPECT_LE(keyspace_->Memory().total(), uint64_t{4} << 20);
}

TEST_F(KeyspaceFlushTest, ASlotThatIsFlushedOftenKeepsFewTables) {
  MakeWithLog({.memory_bytes = 64 << 20, .stripes = 1, .eviction = EvictionKind::kNone});
  for (int i = 0; i < 1000; ++i) {
    for (int k = 0; k < 40; ++k) {
      ASSERT_TRUE(
          keyspace_->Set({3, "k" + std::to_string(k)}, std::string(100, 'v'), {}, now_).ok());
    }
    EXPECT_EQ(keyspace_->FlushSlot(3, now_).value(), 40u);
  }
  EXPECT_LT(keyspace_->Memory().slack, 1u << 20) << "of 8 times 40 entries, and segments";
}

TEST_F(KeyspaceFlushTest, WhatWasFlushedGoesBeforeAnythingIsEvicted) {
  for (const EvictionKind kind : {EvictionKind::kRandom, EvictionKind::kLruSampled,
                                  EvictionKind::kLru, EvictionKind::kS3Fifo}) {
    MakeWithLog({.memory_bytes = 16 << 20, .stripes = 16, .eviction = kind});
    uint64_t entries = 0;
    for (; keyspace_->Stats().evictions == 0; ++entries) {
      ASSERT_TRUE(
          keyspace_->Set({3, "k" + std::to_string(entries)}, std::string(500, 'v'), {}, now_).ok());
    }
    const uint64_t evictions = keyspace_->Stats().evictions;
    ASSERT_TRUE(keyspace_->FlushSlot(3, now_).ok());
    for (uint64_t i = 0; i < entries / 2; ++i) {
      ASSERT_TRUE(
          keyspace_->Set({5, "n" + std::to_string(i)}, std::string(500, 'v'), {}, now_).ok());
    }
    EXPECT_EQ(keyspace_->Stats().evictions, evictions) << EvictionKindName(kind);
  }
}

TEST_F(KeyspaceFlushTest, LeasesThatAFlushHasVoidedDoNotCountAgainstTheirLimit) {
  MakeWithLog({.stripes = 1, .leases_max = 10});
  for (int i = 0; i < 10; ++i) Lease("l" + std::to_string(i), 1'000'000);
  ASSERT_TRUE(keyspace_->Flush(now_).ok());
  EXPECT_EQ(Lease("new").kind, LeaseResult::Kind::kGranted);
}

TEST_F(KeyspaceFlushTest, AFlushedSlotIsEmptyAtOnceAndItsMemoryComesBackBySteps) {
  MakeWithLog({.memory_bytes = 64 << 20, .stripes = 1});
  const uint64_t empty_bytes = keyspace_->Memory().total();
  for (int i = 0; i < 20000; ++i) {
    ASSERT_TRUE(keyspace_->Set({3, "k" + std::to_string(i)}, std::string(100, 'v'), {}, now_).ok());
  }
  StringSink sink;
  const auto lease = keyspace_->Lease({3, "absent"}, {Millis(1000)}, now_, sink);
  const size_t logged = Logged();
  EXPECT_EQ(keyspace_->FlushSlot(3, now_).value(), 20000u);
  EXPECT_EQ(Logged(), logged + 1) << "one record, however many entries";
  EXPECT_EQ(keyspace_->Stats().entries, 0u);
  EXPECT_EQ(keyspace_->StatsOfSlot(3).entries, 0u);
  EXPECT_EQ(keyspace_->Memory().entries, 0u);
  EXPECT_EQ(keyspace_->Get({3, "k7"}, now_, sink), GetOutcome::kMiss);
  SetOptions with_token;
  with_token.condition = {.kind = Condition::Kind::kLeaseToken, .token = lease->token};
  EXPECT_EQ(keyspace_->Set({3, "absent"}, "late", with_token, now_)->outcome,
            SetResult::Outcome::kLeaseLost);
  ASSERT_TRUE(keyspace_->Set({3, "k7"}, "new", {}, now_).ok());
  ScanCollector scanned;
  keyspace_->Scan({3, 0}, {.visits_max = 10}, now_, scanned);
  EXPECT_EQ(scanned.keys.size(), 1u);

  bool more = true;
  keyspace_->Expire(now_, 100, &more);
  EXPECT_TRUE(more);
  size_t expired = 0;
  while (more) expired += keyspace_->Expire(now_, 100, &more);
  EXPECT_EQ(expired, 1u) << "the lease: what was flushed has not expired";
  EXPECT_EQ(keyspace_->Get({3, "k8"}, now_, sink), GetOutcome::kMiss);
  EXPECT_EQ(keyspace_->Get({3, "k7"}, now_, sink), GetOutcome::kHit);
  EXPECT_TRUE(keyspace_->Delete({3, "k7"}, {}, now_)->deleted);
  EXPECT_EQ(keyspace_->Stats().leases, 0u);
  ExpectAllCameBack(empty_bytes);
  EXPECT_EQ(keyspace_->Stats().evictions + keyspace_->Stats().expirations, 0u);
}

// Writers, flushes and the housekeeper over few slots, so that each has many entries, detached
// tables meet compaction and eviction, and a slot is flushed again before what it had is removed.
TEST_F(KeyspaceFlushTest, FlushesUnderEveryPolicyAtFullBudget) {
  for (const EvictionKind kind :
       {EvictionKind::kLru, EvictionKind::kLruSampled, EvictionKind::kLfu, EvictionKind::kFifo,
        EvictionKind::kTtl, EvictionKind::kRandom, EvictionKind::kS3Fifo, EvictionKind::kSieve,
        EvictionKind::kSlru, EvictionKind::kNone}) {
    for (const EvictionScope scope : {EvictionScope::kAllKeys, EvictionScope::kKeysWithTtl}) {
      SCOPED_TRACE(std::string(EvictionKindName(kind)));
      MakeWithLog(
          {.memory_bytes = 5 << 20, .stripes = 1, .eviction = kind, .eviction_scope = scope});
      const uint64_t empty_bytes = keyspace_->Memory().total();
      Random random(static_cast<uint64_t>(kind));
      for (int i = 0; i < 20000; ++i) {
        const uint64_t number = random.Below(30000);
        const std::string key = "k" + std::to_string(number);
        const KeyRef ref{static_cast<uint32_t>(number % 4), key};
        SetOptions options;
        if (random.Below(2) == 0) options.expires_at = now_ + Millis(1 + random.Below(2000));
        const uint64_t choice = random.Below(2000);
        if (choice == 0) {
          ASSERT_TRUE(keyspace_->FlushSlot(ref.slot, now_).ok());
        } else if (choice < 200) {
          keyspace_->Expire(now_, 20);
          Advance(1);
        } else if (choice < 400) {
          ASSERT_TRUE(keyspace_->Delete(ref, {}, now_).ok());
        } else {
          const size_t bytes = random.Below(20) == 0 ? 20000 : random.Below(1000);
          const auto result = keyspace_->Set(ref, std::string(bytes, 'v'), options, now_);
          ASSERT_TRUE(result.ok() || absl::IsResourceExhausted(result.status())) << result.status();
        }
        // A segment to compact into is charged afterwards.
        ASSERT_LE(keyspace_->Memory().total(), (uint64_t{5} << 20) + (64 << 10));
      }
      ExpectSame(ExportAll(*keyspace_), Replayed());
      ASSERT_TRUE(keyspace_->Flush(now_).ok());
      EXPECT_EQ(ExportAll(*keyspace_).size(), 0u);
      for (bool more = true; more;) keyspace_->Expire(now_, 1000, &more);
      ExpectAllCameBack(empty_bytes);
    }
  }
}

}  // namespace
}  // namespace larder::storage
