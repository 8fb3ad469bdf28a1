// A full node on which nothing may be evicted: what still goes.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/storage/keyspace_fixture.h"

namespace larder::storage {
namespace {

constexpr uint64_t kBudget = 8 << 20;

class FullKeyspaceTest : public KeyspaceTest {
 protected:
  static std::string Key(int number) { return "k" + std::to_string(number); }

  void Make(const KeyspaceOptions& options = {.memory_bytes = kBudget,
                                              .eviction = EvictionKind::kNone}) {
    KeyspaceTest::Make(options);
    count_ = 0;
    empty_.clear();
  }
  // Sets values of this size until nothing more goes in, not even the smallest. One that is refused
  // may have needed a longer table for its slot: only when many slots refuse is there no byte left.
  void Fill(size_t value_bytes) {
    for (const size_t bytes : {value_bytes, value_bytes / 10, size_t{1}}) {
      while (Set(Key(count_), std::string(bytes, 'v')).ok()) ++count_;
    }
    for (int number = 0, refused = 0; refused < 100; ++number) {
      std::string key = "e" + std::to_string(number);
      ASSERT_LT(number, 1000) << "with a longer key it would be larger than the least";
      if (Set(key, "").ok()) {
        empty_.push_back(std::move(key));
      } else {
        ++refused;
      }
    }
  }
  absl::Status Touch(std::string_view key, int64_t ttl_ms) {
    return keyspace_->Touch(Ref(key), now_ + Millis(ttl_ms), now_).status();
  }
  absl::Status Touch(int number, int64_t ttl_ms) { return Touch(Key(number), ttl_ms); }
  // A segment is looked through once in ten seconds.
  void ExpireAll() {
    Advance(20'000);
    for (bool more = true; more;) keyspace_->Expire(now_, 1000, &more);
  }
  bool IsWithinBudget() const {
    return keyspace_->Memory().total() <= keyspace_->memory_limit_bytes();
  }

  int count_ = 0;                   // keys from Key(0) on that have a value
  std::vector<std::string> empty_;  // keys of empty values
};

TEST_F(FullKeyspaceTest, EveryEntryCanBeGivenATtlToMakeRoom) {
  for (const uint32_t stripes : {1u, 2u}) {
    for (const bool evicts : {false, true}) {
      Make({.memory_bytes = stripes * 2 * kBudget,
            .stripes = stripes,
            .eviction = evicts ? EvictionKind::kLru : EvictionKind::kNone,
            .eviction_scope = evicts ? EvictionScope::kKeysWithTtl : EvictionScope::kAllKeys});
      Fill(1000);
      for (int i = 0; i < count_; ++i) {
        const absl::Status status = Touch(i, 1000);
        ASSERT_TRUE(status.ok()) << i << " of " << count_ << status;
        ASSERT_TRUE(IsWithinBudget()) << i;
      }
      for (const std::string& key : empty_) ASSERT_TRUE(Touch(key, 1000).ok()) << key;
      EXPECT_EQ(Set("new", std::string(1000, 'n')).ok(), evicts);
      ExpireAll();
      EXPECT_TRUE(Set("new", std::string(1000, 'n')).ok());
    }
  }
}

TEST_F(FullKeyspaceTest, SmallEntriesGetTtlsWhileThereIsRoomAndThenAnErrorSaysWhatHelps) {
  Make();
  Fill(10);
  int touched = 0;
  absl::Status status;
  while (touched < count_ && (status = Touch(touched, 1000)).ok()) {
    ASSERT_TRUE(IsWithinBudget());
    ++touched;
  }
  EXPECT_GT(touched, 8000);
  ASSERT_LT(touched, count_);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(status.message().find("65536 are kept"), std::string::npos) << status;
  EXPECT_NE(status.message().find("Delete"), std::string::npos) << status;
  EXPECT_FALSE(Set("new", "n").ok());
  ExpireAll();
  EXPECT_TRUE(Touch(touched, 1000).ok()) << "those that went have made room";
}

TEST_F(FullKeyspaceTest, NumbersGrowAndValuesGiveWayToShorterOnesWithATtl) {
  Make();
  for (int i = 0; i < 100; ++i) Put("n" + std::to_string(i), "9");
  Fill(1000);
  for (int i = 0; i < 100; ++i) {
    const std::string number = "n" + std::to_string(i);
    const auto result = keyspace_->Increment(Ref(number), {.delta = 1}, now_);
    ASSERT_TRUE(result.ok()) << result.status();
    ASSERT_EQ(Get(number), "10");
    Put(Key(i), std::string(999, 'w'), /*ttl_ms=*/50'000);
    ASSERT_TRUE(IsWithinBudget());
    ASSERT_FALSE(Set("new", "n").ok());
  }
  EXPECT_EQ(Get("k0"), std::string(999, 'w'));
  const auto grown = keyspace_->Append(Ref(Key(200)), "and more", {}, now_);
  EXPECT_EQ(grown.status().code(), absl::StatusCode::kResourceExhausted)
      << "what could grow for ever does not";
}

TEST_F(FullKeyspaceTest, ADeleteLeavesAStaleValueThatCanBeLeasedAndSetAgain) {
  Make();
  Fill(1000);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(Delete(Key(i), 60'000));
    ASSERT_TRUE(IsWithinBudget());
    EXPECT_TRUE(Get(Key(i)).has_value()) << "served stale";
    const LeaseResult lease = Lease(Key(i));
    ASSERT_EQ(lease.kind, LeaseResult::Kind::kGranted);
    ASSERT_EQ(SetWithToken(Key(i), std::string(1000, 'w'), lease.token, 60'000),
              SetResult::Outcome::kStored);
  }
}

TEST_F(FullKeyspaceTest, LeasesLeaveHalfOfWhatIsKeptForTtls) {
  Make();
  Fill(1000);
  StringSink sink;
  const auto missing = keyspace_->Lease(Ref("missing"), {Millis(1000)}, now_, sink);
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kResourceExhausted)
      << "its Set would have no room";
  EXPECT_NE(missing.status().message().find("Delete"), std::string::npos) << missing.status();
  int granted = 0;
  for (absl::Status status; status.ok(); ++granted) {
    ASSERT_TRUE(Delete(Key(granted), 60'000));
    ASSERT_LT(granted, 2000);
    status = keyspace_->Lease(Ref(Key(granted)), {Millis(1000)}, now_, sink).status();
    ASSERT_TRUE(IsWithinBudget());
  }
  EXPECT_GT(granted, 100);
  for (int i = granted; i < granted + 3000; ++i) ASSERT_TRUE(Touch(i, 1000).ok()) << i;
}

TEST_F(FullKeyspaceTest, ACopyTakesTheTtlsOfAFullNode) {
  Make();
  Fill(1000);
  for (int i = 0; i < count_; ++i) {
    const std::string key = Key(i);
    const Mutation touch{.kind = MutationKind::kSetFields,
                         .slot = Ref(key).slot,
                         .key = key,
                         .version = clock_.Next(now_),
                         .expires_at = now_ + Millis(1000)};
    const auto applied = keyspace_->Apply(touch, now_);
    ASSERT_TRUE(applied.ok() && *applied) << i << applied.status();
  }
  EXPECT_TRUE(IsWithinBudget());
}

TEST_F(FullKeyspaceTest, UnderALoweredLimitNothingMoreIsTaken) {
  Make({.memory_bytes = 2 * kBudget, .stripes = 1, .eviction = EvictionKind::kNone});
  Fill(1000);
  ASSERT_TRUE(keyspace_->SetMemoryLimit(kBudget).ok());
  const uint64_t used = keyspace_->Memory().total();
  // But for what the stripe has reserved already.
  int touched = 0;
  while (touched < count_ && Touch(touched, 1000).ok()) ++touched;
  EXPECT_LE(keyspace_->Memory().total(), used + 4096);
  ASSERT_LT(touched, count_);
  ASSERT_TRUE(keyspace_->SetMemoryLimit(2 * kBudget).ok());
  EXPECT_TRUE(Touch(touched, 1000).ok());
}

}  // namespace
}  // namespace larder::storage
