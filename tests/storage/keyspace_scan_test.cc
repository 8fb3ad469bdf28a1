#include <algorithm>
#include <set>
#include <tuple>

#include "tests/storage/keyspace_fixture.h"

namespace larder::storage {
namespace {

class ScanTest : public KeyspaceTest {
 protected:
  // Walks everything; returns the keys in the order given.
  std::vector<std::string> Walk(const ScanOptions& options, size_t* calls = nullptr) {
    std::vector<std::string> keys;
    ScanPosition position;
    while (!position.at_end()) {
      ScanCollector collector;
      const ScanPosition next = keyspace_->Scan(position, options, now_, collector);
      EXPECT_LE(collector.keys.size(), options.limit);
      EXPECT_FALSE(next == position) << "a scan must get on";
      if (next == position) break;
      position = next;
      keys.insert(keys.end(), collector.keys.begin(), collector.keys.end());
      if (calls != nullptr) ++*calls;
    }
    return keys;
  }
};

TEST_F(ScanTest, GivesEveryKeyOnceBySlotAndHash) {
  for (int i = 0; i < 3000; ++i) Put("k" + std::to_string(i), "v" + std::to_string(i));
  for (const size_t limit : {1u, 7u, 100u, 5000u}) {
    const std::vector<std::string> keys = Walk({.limit = limit, .visits_max = 1'000'000});
    ASSERT_EQ(keys.size(), 3000u) << limit;
    EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end(), [](const auto& a, const auto& b) {
      return std::tuple(Ref(a).slot, TestHash(a)) < std::tuple(Ref(b).slot, TestHash(b));
    }));
    EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), 3000u);
  }
}

TEST_F(ScanTest, GivesValuesAndMetadataOrKeysOnly) {
  SetOptions options;
  options.flags = 5;
  options.expires_at = now_ + Millis(100);
  Set("k", "value", options).IgnoreError();
  ScanCollector collector;
  EXPECT_TRUE(keyspace_->Scan({}, {.visits_max = 1'000'000}, now_, collector).at_end());
  ASSERT_EQ(collector.keys, std::vector<std::string>{"k"});
  EXPECT_EQ(collector.values[0], "value");
  EXPECT_EQ(collector.infos[0].flags, 5u);
  EXPECT_EQ(collector.infos[0].expires_at, now_ + Millis(100));
}

TEST_F(ScanTest, FiltersByPrefixAndHidesExpired) {
  for (int i = 0; i < 100; ++i) {
    Put("a" + std::to_string(i), "v");
    Put("b" + std::to_string(i), "v", 10);
  }
  EXPECT_EQ(Walk({.prefix = "b", .visits_max = 50000}).size(), 100u);
  EXPECT_EQ(Walk({.prefix = "c"}).size(), 0u);
  Advance(10);
  EXPECT_EQ(Walk({.prefix = "b"}).size(), 0u);
  EXPECT_EQ(Walk({.prefix = ""}).size(), 100u);
}

TEST_F(ScanTest, BytesAndVisitsBoundOneCall) {
  for (int i = 0; i < 100; ++i) Put("k" + std::to_string(i), std::string(10000, 'v'));
  size_t calls = 0;
  EXPECT_EQ(Walk({.limit = 1000, .bytes_max = 50000}, &calls).size(), 100u);
  EXPECT_GE(calls, 25u);
  calls = 0;
  EXPECT_EQ(Walk({.limit = 1000, .bytes_max = 1}, &calls).size(), 100u)
      << "one entry fits always, so that the walk ends";
  calls = 0;
  EXPECT_EQ(Walk({.limit = 1000, .visits_max = 100}, &calls).size(), 100u);
  EXPECT_GE(calls, kSlots / 100);
  calls = 0;
  EXPECT_EQ(Walk({.limit = 1000, .bytes_max = 50000, .keys_only = true}, &calls).size(), 100u);
  EXPECT_EQ(calls, 1u) << "values that are left out do not count";
}

TEST_F(ScanTest, AKeyPresentThroughoutIsSeenWhileTheSlotGrowsAndShrinks) {
  const auto put = [&](int i) {
    const std::string key = "k" + std::to_string(i);
    ASSERT_TRUE(keyspace_->Set({9, key}, "v", {}, now_).ok());
  };
  for (int i = 0; i < 500; ++i) put(i);
  std::set<std::string> seen;
  ScanPosition position{9, 0};
  int round = 0;
  while (position.slot == 9) {
    ScanCollector collector;
    position = keyspace_->Scan(position, {.limit = 10}, now_, collector);
    seen.insert(collector.keys.begin(), collector.keys.end());
    ++round;
    for (int i = 0; i < 200; ++i) {
      const int other = 1000 + round % 8 * 200 + i;
      if (round % 16 < 8) {
        put(other);
      } else {
        const std::string key = "k" + std::to_string(other);
        keyspace_->Delete({9, key}, {}, now_).IgnoreError();
      }
    }
  }
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(seen.contains("k" + std::to_string(i))) << i;
}

}  // namespace
}  // namespace larder::storage
