#include <string>
#include <vector>

#include "storage/lasting_failure.h"
#include "tests/storage/colliding_keys.h"
#include "tests/storage/keyspace_fixture.h"

namespace larder::storage {
namespace {

constexpr int kKeys = 20'000;
constexpr uint32_t kSlot = 77;

// Writes keys that collide in all 64 bits, as who knew the secret could, into one slot.
class CollisionTest : public KeyspaceTest {
 protected:
  absl::Status Put(const std::string& key, const SetOptions& options = {}) {
    return keyspace_->Set({kSlot, key}, "value", options, now_).status();
  }
  bool Has(const std::string& key) {
    StringSink sink;
    return keyspace_->Get({kSlot, key}, now_, sink) == GetOutcome::kHit;
  }
  // How many entries a Scan gives that asks for one.
  size_t ScanOfOne() {
    ScanCollector collector;
    keyspace_->Scan({kSlot, 0}, {.limit = 1}, now_, collector);
    return collector.keys.size();
  }
  void MakeWith(EvictionKind kind, EvictionScope scope = EvictionScope::kAllKeys) {
    Make({.memory_bytes = uint64_t{64} << 20, .eviction = kind, .eviction_scope = scope});
  }

  const KeyHasher::Secret secret_ = KeyHasher::Expand({});
  const CollidingKeys keys_{"0123456789abcdef",
                            {secret_.data() + CollidingKeys::kWordAt, sizeof(uint64_t)}};
};

TEST_F(CollisionTest, OneMoreKeyEvictsTheOldestOfThoseWithItsHash) {
  ASSERT_EQ(TestHash(keys_[0]), TestHash(keys_[1])) << "else this test tests nothing";
  for (const EvictionKind kind : {EvictionKind::kS3Fifo, EvictionKind::kSieve, EvictionKind::kSlru,
                                  EvictionKind::kLru, EvictionKind::kLruSampled, EvictionKind::kLfu,
                                  EvictionKind::kFifo, EvictionKind::kTtl, EvictionKind::kRandom}) {
    SCOPED_TRACE(EvictionKindName(kind));
    MakeWith(kind);
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(Put("other" + std::to_string(i)).ok());
    for (int i = 0; i < kKeys; ++i) ASSERT_TRUE(Put(keys_[i]).ok());
    EXPECT_EQ(keyspace_->StatsOfSlot(kSlot).entries, 1000 + kEqualHashesMax);
    EXPECT_EQ(keyspace_->Stats().evictions, kKeys - kEqualHashesMax);
    EXPECT_FALSE(Has(keys_[kKeys - kEqualHashesMax - 1]));
    for (size_t i = kKeys - kEqualHashesMax; i < kKeys; ++i) EXPECT_TRUE(Has(keys_[i]));
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(Has("other" + std::to_string(i)));
  }
}

TEST_F(CollisionTest, AScanOfOneGivesNoMoreThanThoseWithOneHash) {
  for (int i = 0; i < kKeys; ++i) ASSERT_TRUE(Put(keys_[i]).ok());
  EXPECT_EQ(ScanOfOne(), kEqualHashesMax);
}

TEST_F(CollisionTest, RewritingOneOfThemEvictsNone) {
  for (size_t i = 0; i < kEqualHashesMax; ++i) ASSERT_TRUE(Put(keys_[i]).ok());
  for (size_t i = 0; i < kEqualHashesMax; ++i) ASSERT_TRUE(Put(keys_[i]).ok());
  EXPECT_EQ(keyspace_->Stats().evictions, 0u);
  ASSERT_TRUE(Put(keys_[0]).ok());
  ASSERT_TRUE(Put(keys_[99]).ok());
  EXPECT_TRUE(Has(keys_[0])) << "written again, so the second was the oldest";
  EXPECT_FALSE(Has(keys_[1]));
}

TEST_F(CollisionTest, WhereNothingMayBeEvictedTheWriteIsRefusedForGood) {
  MakeWith(EvictionKind::kNone);
  for (size_t i = 0; i < kEqualHashesMax; ++i) ASSERT_TRUE(Put(keys_[i]).ok());
  const absl::Status status = Put(keys_[99]);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(IsLasting(status));
  EXPECT_NE(status.message().find("same hash"), status.message().npos) << status;
  EXPECT_NE(status.message().find("--eviction=none"), status.message().npos) << status;
  EXPECT_EQ(keyspace_->Increment({kSlot, keys_[98]}, {.initial = 1}, now_).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(keyspace_->Append({kSlot, keys_[97]}, "x", {}, now_).status().code(),
            absl::StatusCode::kResourceExhausted);
  StringSink sink;
  EXPECT_TRUE(keyspace_->Lease({kSlot, keys_[96]}, {Millis(1000)}, now_, sink).ok())
      << "a lease is no entry";
  EXPECT_TRUE(Put(keys_[5]).ok()) << "it is there already";
  EXPECT_TRUE(Put("another hash").ok());
  ASSERT_TRUE(keyspace_->Delete({kSlot, keys_[5]}, {}, now_)->deleted);
  EXPECT_TRUE(Put(keys_[99]).ok());
}

TEST_F(CollisionTest, UnderAScopeOnlyWhatIsInItMakesWay) {
  MakeWith(EvictionKind::kS3Fifo, EvictionScope::kKeysWithTtl);
  const SetOptions with_ttl{.expires_at = now_ + Millis(60'000)};
  for (size_t i = 0; i < kEqualHashesMax; ++i) {
    ASSERT_TRUE(Put(keys_[i], i == 7 ? with_ttl : SetOptions{}).ok());
  }
  EXPECT_TRUE(Put(keys_[99]).ok());
  EXPECT_FALSE(Has(keys_[7]));
  EXPECT_EQ(Put(keys_[100]).code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(CollisionTest, AnExpiredOneMakesWayUnderAnyPolicy) {
  MakeWith(EvictionKind::kNone);
  for (size_t i = 0; i < kEqualHashesMax; ++i) {
    const TimePoint expires_at = i == 7 ? now_ + Millis(10) : kNever;
    ASSERT_TRUE(Put(keys_[i], {.expires_at = expires_at}).ok());
  }
  ASSERT_FALSE(Put(keys_[99]).ok());
  Advance(10);
  EXPECT_TRUE(Put(keys_[99]).ok());
  EXPECT_EQ(keyspace_->Stats().expirations, 1u);
  EXPECT_EQ(keyspace_->Stats().evictions, 0u);
}

TEST_F(CollisionTest, TheLeaseOfTheOneThatGoesIsVoid) {
  for (size_t i = 0; i < kEqualHashesMax; ++i) ASSERT_TRUE(Put(keys_[i]).ok());
  ASSERT_TRUE(
      keyspace_->Delete({kSlot, keys_[0]}, {.stale_until = now_ + Millis(5000)}, now_)->deleted);
  StringSink sink;
  const auto lease = keyspace_->Lease({kSlot, keys_[0]}, {Millis(1000)}, now_, sink);
  ASSERT_EQ(lease->kind, LeaseResult::Kind::kGranted);
  ASSERT_TRUE(Put(keys_[99]).ok());
  SetOptions options;
  options.condition = {.kind = Condition::Kind::kLeaseToken, .token = lease->token};
  EXPECT_EQ(keyspace_->Set({kSlot, keys_[0]}, "v", options, now_)->outcome,
            SetResult::Outcome::kLeaseLost);
}

TEST_F(CollisionTest, KeysThatCollideForEverybodyAreOrdinaryOnes) {
  const CollidingKeys keys = CollidingKeys::Public("0123456789abcdef");
  for (int i = 0; i < kKeys; ++i) ASSERT_TRUE(Put(keys[i]).ok());
  EXPECT_EQ(keyspace_->StatsOfSlot(kSlot).entries, kKeys) << "none made way for another";
  EXPECT_EQ(ScanOfOne(), 1u);
}

}  // namespace
}  // namespace larder::storage
