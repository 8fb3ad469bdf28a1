#include <string>
#include <vector>

#include "storage/random.h"
#include "tests/storage/keyspace_fixture.h"

namespace larder::storage {
namespace {

constexpr uint64_t kBudget = 8 << 20;

TEST_F(KeyspaceTest, UseNeverPassesTheBudgetWhateverTheSizes) {
  for (const EvictionKind kind :
       {EvictionKind::kLru, EvictionKind::kLruSampled, EvictionKind::kLfu, EvictionKind::kFifo,
        EvictionKind::kTtl, EvictionKind::kRandom, EvictionKind::kS3Fifo, EvictionKind::kSieve,
        EvictionKind::kSlru}) {
    Make({.memory_bytes = kBudget, .stripes = 16, .eviction = kind});
    Random random(7);
    for (int i = 0; i < 20000; ++i) {
      const std::string key = "k" + std::to_string(random.Below(5000));
      const size_t bytes = size_t{1} << random.Below(17);
      Put(key, std::string(bytes + random.Below(bytes), 'x'),
          random.Below(3) == 0 ? 1 + static_cast<int64_t>(random.Below(1000)) : 0);
      Advance(1);
      ASSERT_LE(keyspace_->Memory().total(), kBudget) << EvictionKindName(kind) << " op " << i;
    }
    EXPECT_GT(keyspace_->Stats().evictions, 1000u) << EvictionKindName(kind);
    EXPECT_GT(keyspace_->Memory().total(), kBudget * 8 / 10)
        << EvictionKindName(kind) << " leaves room unused";
  }
}

TEST_F(KeyspaceTest, EmptiedItUsesWhatItUsedWhenNew) {
  const uint64_t fresh = keyspace_->Memory().total();
  for (int i = 0; i < 10000; ++i) Put("k" + std::to_string(i), "value", i % 2 == 0 ? 1000 : 0);
  for (int i = 0; i < 100; ++i) Lease("l" + std::to_string(i));
  for (int i = 0; i < 10000; ++i) ASSERT_TRUE(Delete("k" + std::to_string(i)));
  Advance(10000);
  keyspace_->Expire(now_, 1000);
  const MemoryUsage usage = keyspace_->Memory();
  EXPECT_EQ(usage.entries, 0u);
  EXPECT_EQ(usage.tables, 0u);
  EXPECT_EQ(usage.leases, 0u);
  EXPECT_LE(usage.total(), fresh + 64 * 1024) << "the expiry index keeps a few cells";
}

TEST_F(KeyspaceTest, WithoutEvictionAFullNodeRefusesWritesAndLosesNothing) {
  Make({.memory_bytes = kBudget, .eviction = EvictionKind::kNone});
  const std::string value(10000, 'v');
  int stored = 0;
  absl::StatusOr<SetResult> result;
  while ((result = Set("k" + std::to_string(stored), value)).ok()) ++stored;
  EXPECT_EQ(result.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(result.status().message().find("--eviction=none"), std::string::npos);
  EXPECT_GT(stored, 700);
  for (int i = 0; i < stored; ++i) ASSERT_EQ(Get("k" + std::to_string(i)), value);
  EXPECT_EQ(Set("k0", std::string(10000, 'w'))->outcome, SetResult::Outcome::kStored)
      << "an overwrite of the same size needs no room";
  EXPECT_EQ(Set("k1", "small")->outcome, SetResult::Outcome::kStored);
  EXPECT_FALSE(Set("k2", std::string(300000, 'w')).ok());
  EXPECT_EQ(Get("k2"), value) << "a refused overwrite leaves the old value";
  EXPECT_TRUE(Delete("k3"));
  EXPECT_TRUE(Set("after a delete there is room", std::string(9000, 'w')).ok());
  EXPECT_EQ(keyspace_->Stats().evictions, 0u);
}

TEST_F(KeyspaceTest, LeasesUseAShareOfTheBudgetAndLeaveTheRestToEntries) {
  Make({.memory_bytes = kBudget});
  Put("k", "v");
  StringSink sink;
  uint64_t granted = 0;
  absl::StatusOr<LeaseResult> result;
  do {
    result = keyspace_->Lease(Ref("k" + std::to_string(granted)), {Millis(1000)}, now_, sink);
    if (result.ok()) ++granted;
    ASSERT_LT(granted, 1'000'000u);
  } while (result.ok());
  EXPECT_EQ(result.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_LE(keyspace_->Memory().leases, kBudget / 8);
  EXPECT_GT(keyspace_->Memory().leases, kBudget / 9);
  EXPECT_EQ(Get("k"), "v");
  Advance(1000);
  EXPECT_EQ(keyspace_->Expire(now_, granted), granted);
  EXPECT_EQ(Lease("k2").kind, LeaseResult::Kind::kGranted) << "room again when leases end";
}

TEST_F(KeyspaceTest, AWriteLargerThanTheBudgetEvictsNothing) {
  Make({.memory_bytes = kBudget});
  Put("k", "v");
  EXPECT_EQ(Set("big", std::string(kBudget, 'x')).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Get("k"), "v");
  EXPECT_EQ(keyspace_->Stats().evictions, 0u);
}

TEST_F(KeyspaceTest, KeysWithTtlScopeSparesTheOthers) {
  Make({.memory_bytes = kBudget,
        .eviction = EvictionKind::kLru,
        .eviction_scope = EvictionScope::kKeysWithTtl});
  const std::string value(10000, 'v');
  for (int i = 0; i < 300; ++i) Put("kept" + std::to_string(i), value);
  for (int i = 0; i < 2000; ++i) {
    Put("ttl" + std::to_string(i), value, 1'000'000);
    Advance(1);
  }
  for (int i = 0; i < 300; ++i) ASSERT_EQ(Get("kept" + std::to_string(i)), value) << i;
  EXPECT_EQ(Get("ttl0"), std::nullopt);
  EXPECT_EQ(Get("ttl1999"), value);
  // An entry follows its ttl in and out of the scope.
  ASSERT_TRUE(keyspace_->Touch(Ref("kept0"), now_ + Millis(1), now_)->found);
  ASSERT_TRUE(keyspace_->Touch(Ref("ttl1999"), kNever, now_)->found);
  for (int i = 2000; i < 4000; ++i) {
    Advance(1);
    Put("ttl" + std::to_string(i), value, 1'000'000);
  }
  EXPECT_EQ(Get("kept0"), std::nullopt);
  EXPECT_EQ(Get("ttl1999"), value);
  EXPECT_EQ(Get("kept1"), value);
}

TEST_F(KeyspaceTest, ALoweredLimitIsReachedByWritesOrByShrink) {
  const auto fill = [&](int first, int count) {
    for (int i = first; i < first + count; ++i) {
      Put("k" + std::to_string(i), std::string(1000, 'v'));
      Advance(1);
    }
  };
  Make({.memory_bytes = 4 * kBudget});
  fill(0, 40000);
  ASSERT_GT(keyspace_->Memory().total(), 3 * kBudget);
  ASSERT_TRUE(keyspace_->SetMemoryLimit(2 * kBudget).ok());
  EXPECT_EQ(keyspace_->memory_limit_bytes(), 2 * kBudget);
  fill(40000, 3000);
  EXPECT_LE(keyspace_->Memory().total(), 2 * kBudget) << "by writes alone";
  EXPECT_TRUE(Get("k42999").has_value());
  ASSERT_TRUE(keyspace_->SetMemoryLimit(kBudget).ok());
  while (keyspace_->Shrink(now_, 10) >= 10) {
  }
  EXPECT_LE(keyspace_->Memory().total(), kBudget) << "by Shrink alone";
  EXPECT_GT(keyspace_->Memory().total(), kBudget * 8 / 10);
  EXPECT_EQ(keyspace_->Shrink(now_, 10), 0u);
  ASSERT_TRUE(keyspace_->SetMemoryLimit(2 * kBudget).ok());
  fill(43000, 20000);
  EXPECT_GT(keyspace_->Memory().total(), kBudget * 16 / 10) << "a raised limit is used";
}

TEST_F(KeyspaceTest, LimitsThatCannotBeAreRefused) {
  EXPECT_EQ(keyspace_->SetMemoryLimit(1000).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(keyspace_->memory_limit_bytes(), KeyspaceOptions().memory_bytes);
}

TEST_F(KeyspaceTest, WithoutEvictionALoweredLimitLosesNothingAndRefusesWrites) {
  Make({.memory_bytes = 2 * kBudget, .eviction = EvictionKind::kNone});
  const std::string value(10000, 'v');
  for (int i = 0; i < 1200; ++i) Put("k" + std::to_string(i), value);
  ASSERT_TRUE(keyspace_->SetMemoryLimit(kBudget).ok());
  EXPECT_EQ(keyspace_->Shrink(now_, 1000), 0u);
  EXPECT_EQ(Set("one more", value).status().code(), absl::StatusCode::kResourceExhausted);
  for (int i = 0; i < 1200; ++i) ASSERT_EQ(Get("k" + std::to_string(i)), value);
  for (int i = 0; i < 800; ++i) ASSERT_TRUE(Delete("k" + std::to_string(i)));
  EXPECT_TRUE(Set("one more", value).ok());
}

TEST_F(KeyspaceTest, KeysMadeToShareASlotMayFillTheWholeNode) {
  Make({.memory_bytes = kBudget});
  const std::string value(1000, 'v');
  for (int i = 0; i < 100; ++i) Put("elsewhere" + std::to_string(i), value);
  int kept = 0;
  for (int i = 0; i < 20000; ++i) {
    Advance(1);
    const std::string key = "hot" + std::to_string(i);
    ASSERT_TRUE(keyspace_->Set({42, key}, value, {}, now_).ok());
  }
  for (int i = 0; i < 20000; ++i) {
    StringSink sink;
    const std::string key = "hot" + std::to_string(i);
    if (keyspace_->Get({42, key}, now_, sink) == GetOutcome::kHit) ++kept;
  }
  EXPECT_GT(kept, 5500) << "one slot may use the memory of all";
  EXPECT_LE(keyspace_->Memory().total(), kBudget);
}

}  // namespace
}  // namespace larder::storage
