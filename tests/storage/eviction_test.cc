#include <algorithm>
#include <set>

#include "storage/eviction_kind.h"
#include "tests/storage/keyspace_fixture.h"

namespace larder::storage {
namespace {

// A keyspace of one stripe that is just full with entries of equal size, "0", "1", ...
class EvictionTest : public KeyspaceTest {
 protected:
  void Fill(EvictionKind kind, int64_t ttl_step_ms = 0) {
    Make({.memory_bytes = 8 << 20, .stripes = 1, .eviction = kind});
    next_ = 0;
    while (keyspace_->Stats().evictions == 0) {
      Advance(1);
      PutNext(ttl_step_ms == 0 ? 0 : 10'000'000 - next_ * ttl_step_ms);
    }
    count_ = next_;
  }

  void PutNext(int64_t ttl_ms = 0) {
    Put(std::to_string(next_++), std::string(10000, 'v'), ttl_ms);
  }

  void PutUntilEviction() {
    const uint64_t before = keyspace_->Stats().evictions;
    while (keyspace_->Stats().evictions == before) PutNext();
  }

  // The keys that are there. Looks without using them, so that the order of use stays as it is.
  std::set<int> Keys() {
    ScanCollector all;
    const ScanOptions options{
        .limit = 100000, .bytes_max = 1 << 30, .visits_max = 1'000'000, .keys_only = true};
    keyspace_->Scan({}, options, now_, all);
    std::set<int> keys;
    for (const std::string& key : all.keys) keys.insert(std::stoi(key));
    return keys;
  }
  bool Has(int key) { return Keys().contains(key); }
  int Oldest() { return *Keys().begin(); }
  int NextAfter(int key) { return *Keys().upper_bound(key); }

  int count_ = 0;
  int next_ = 0;
};

TEST_F(EvictionTest, LruTakesTheLeastRecentlyUsed) {
  Fill(EvictionKind::kLru);
  const int oldest = Oldest();
  ASSERT_GT(oldest, 0) << "the first one made room";
  Advance(1);
  Get(std::to_string(oldest));
  PutUntilEviction();
  EXPECT_TRUE(Has(oldest));
  EXPECT_FALSE(Has(oldest + 1));
  const int second = NextAfter(oldest);
  const int third = NextAfter(second);
  Put(std::to_string(second), std::string(10000, 'w'));
  PutUntilEviction();
  EXPECT_TRUE(Has(second)) << "a write is a use";
  EXPECT_FALSE(Has(third));
}

TEST_F(EvictionTest, FifoTakesTheFirstStored) {
  Fill(EvictionKind::kFifo);
  const int oldest = Oldest();
  ASSERT_GT(oldest, 0);
  Get(std::to_string(oldest));
  Put(std::to_string(oldest), std::string(10000, 'w'));
  PutUntilEviction();
  EXPECT_FALSE(Has(oldest)) << "neither reads nor overwrites count";
  EXPECT_EQ(Keys().size(), static_cast<size_t>(next_ - Oldest())) << "only the oldest went";
}

TEST_F(EvictionTest, TtlTakesTheSoonestToExpireAndTheOthersLast) {
  Fill(EvictionKind::kTtl, 1000);
  const int first_without_ttl = next_;
  EXPECT_TRUE(Has(0));
  EXPECT_FALSE(Has(count_ - 2)) << "it was the soonest to expire when room was needed";
  while (NextAfter(0) < first_without_ttl) {
    ASSERT_TRUE(next_ == first_without_ttl || Has(first_without_ttl));
    PutUntilEviction();
  }
  while (Has(0)) PutUntilEviction();
  PutUntilEviction();
  EXPECT_FALSE(Has(first_without_ttl));
  EXPECT_EQ(Keys().size(), static_cast<size_t>(next_ - Oldest())) << "in the order of insertion";
}

TEST_F(EvictionTest, SampledPoliciesKeepWhatIsInUse) {
  for (const EvictionKind kind : {EvictionKind::kLruSampled, EvictionKind::kLfu}) {
    Fill(kind);
    const auto get = [&](int key) {
      Advance(1);
      return Get(std::to_string(key)).has_value();
    };
    for (int i = 0; i < 20 * 100; ++i) get(1 + i % 100);
    for (int i = 0; i < count_; ++i) {
      get(1 + i % 100);
      PutNext();
    }
    int survivors = 0;
    for (int i = 1; i <= 100; ++i) survivors += get(i) ? 1 : 0;
    EXPECT_GT(survivors, 90) << EvictionKindName(kind);
  }
}

TEST_F(EvictionTest, LfuForgetsOldFame) {
  Fill(EvictionKind::kLfu);
  for (int round = 0; round < 50; ++round) {
    for (int i = 1; i <= 50; ++i) Get(std::to_string(i));
  }
  Advance(60 * 60 * 1000);  // the counters lose one a minute
  for (int i = 0; i < 4 * count_; ++i) {
    Advance(1);
    PutNext();
  }
  int famous = 0;
  for (int i = 1; i <= 50; ++i) famous += Get(std::to_string(i)).has_value() ? 1 : 0;
  EXPECT_LT(famous, 5);
}

TEST_F(EvictionTest, LfuDecaysAlsoWhatIsUsedOnceInAWhile) {
  Fill(EvictionKind::kLfu);
  for (int round = 0; round < 200; ++round) {
    for (int i = 1; i <= 50; ++i) Get(std::to_string(i));
  }
  // For an hour they are used every 50 seconds only; then come others that are used twice.
  for (int round = 0; round < 72; ++round) {
    Advance(50'000);
    for (int i = 1; i <= 50; ++i) Get(std::to_string(i));
  }
  for (int i = 0; i < 3 * count_; ++i) {
    PutNext();
    Get(std::to_string(next_ - 1));
    Get(std::to_string(next_ - 1));
  }
  int famous = 0;
  for (int i = 1; i <= 50; ++i) famous += Get(std::to_string(i)).has_value() ? 1 : 0;
  EXPECT_LT(famous, 10);
}

TEST_F(EvictionTest, RandomSparesNothingAndSurvivesAnyPattern) {
  Fill(EvictionKind::kRandom);
  const int before = next_;
  for (int i = 0; i < count_; ++i) PutNext();
  int old = 0;
  for (int i = 0; i < before; ++i) old += Get(std::to_string(i)).has_value() ? 1 : 0;
  // After n random replacements of n, 1/e of the old ones are left.
  EXPECT_NEAR(static_cast<double>(old) / before, 0.368, 0.1);
}

TEST_F(EvictionTest, OverManyStripesLruStillTakesTheOldestOfAll) {
  Make({.memory_bytes = 8 << 20, .stripes = 64, .eviction = EvictionKind::kLru});
  for (int i = 0; i < 5000; ++i) {
    Advance(1);
    Put("k" + std::to_string(i), std::string(5000, 'v'));
  }
  const uint64_t kept = keyspace_->Stats().entries;
  ASSERT_LT(kept, 4000u);
  for (int i = 0; i < 5000; ++i) {
    const bool newest = i >= 5000 - static_cast<int>(kept);
    ASSERT_EQ(Get("k" + std::to_string(i)).has_value(), newest) << i << " of " << kept;
  }
}

TEST(EvictionKindTest, NamesGoBothWays) {
  for (const char* name : {"lru", "lru-sampled", "lfu", "fifo", "ttl", "random", "none"}) {
    const auto kind = ParseEvictionKind(name);
    ASSERT_TRUE(kind.ok()) << name;
    EXPECT_EQ(EvictionKindName(*kind), name);
  }
  for (const char* name : {"all", "ttl"}) {
    EXPECT_EQ(EvictionScopeName(*ParseEvictionScope(name)), name);
  }
  const absl::Status status = ParseEvictionKind("lur").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("lru-sampled"), std::string::npos) << status;
  EXPECT_FALSE(ParseEvictionScope("").ok());
}

}  // namespace
}  // namespace larder::storage
