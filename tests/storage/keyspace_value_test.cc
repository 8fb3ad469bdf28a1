// Values of all sizes through the operations: parts of a value lie apart from its record.

#include <set>
#include <string>
#include <vector>

#include "storage/random.h"
#include "tests/storage/keyspace_fixture.h"

namespace larder::storage {
namespace {

constexpr uint64_t kMebibyte = uint64_t{1} << 20;
constexpr size_t kPage = 4096;
constexpr size_t kBlock = 256 * 1024;
const std::vector<size_t> kSizes = {0,
                                    1,
                                    100,
                                    kPage - 1,
                                    kPage,
                                    kPage + 1,
                                    65535,
                                    65536,
                                    100000,
                                    kBlock - 1,
                                    kBlock,
                                    kBlock + 1,
                                    kBlock + kPage - 1,
                                    3 * kBlock + 5 * kPage + 7,
                                    kMebibyte};

class KeyspaceValueTest : public KeyspaceTest {
 protected:
  void SetUp() override { Make({.memory_bytes = 64 * kMebibyte, .stripes = 4}); }

  static std::string Text(size_t bytes, uint64_t seed = 1) {
    std::string text(bytes, '\0');
    Random random(seed);
    for (char& byte : text) byte = static_cast<char>(random.Next());
    return text;
  }
};

TEST_F(KeyspaceValueTest, ValuesOfAllSizesComeBack) {
  for (const size_t bytes : kSizes) Put("k" + std::to_string(bytes), Text(bytes, bytes));
  for (const size_t bytes : kSizes) {
    ASSERT_TRUE(Get("k" + std::to_string(bytes)) == Text(bytes, bytes)) << bytes;
  }
}

TEST_F(KeyspaceValueTest, AValueMayBecomeAnyOtherSize) {
  for (const size_t from : kSizes) {
    for (const size_t to : kSizes) {
      Put("k", Text(from));
      Put("k", Text(to, 2), to % 2 == 0 ? 0 : 10000);
      ASSERT_TRUE(Get("k") == Text(to, 2)) << from << " to " << to;
    }
  }
  EXPECT_EQ(keyspace_->Stats().entries, 1u);
  ASSERT_TRUE(Delete("k"));
  EXPECT_EQ(keyspace_->Memory().entries, 0u);
}

TEST_F(KeyspaceValueTest, AppendCrossesTheLimitsOfPieces) {
  std::string expected;
  uint64_t seed = 0;
  for (const size_t bytes : {size_t{1}, kPage - 2, size_t{1}, size_t{1}, kPage, size_t{4000},
                             7 * kPage, kBlock - 10 * kPage, size_t{100}, kBlock, size_t{0},
                             size_t{30000}, size_t{2} * kBlock, size_t{1}}) {
    const std::string more = Text(bytes, ++seed);
    const auto result = keyspace_->Append(Ref("k"), more, {}, now_);
    ASSERT_TRUE(result.ok()) << result.status();
    expected += more;
    ASSERT_EQ(result->value_bytes, expected.size());
    ASSERT_TRUE(Get("k") == expected) << expected.size();
  }
  EXPECT_EQ(keyspace_->Memory().entries / kPage, expected.size() / kPage);
}

TEST_F(KeyspaceValueTest, TouchAndAStaleDeleteAddAnExpiryAndKeepTheValue) {
  for (const size_t bytes : kSizes) {
    const std::string value = Text(bytes, bytes);
    const uint64_t version = Put("k", value);
    const auto touched = keyspace_->Touch(Ref("k"), now_ + Millis(500), now_);
    ASSERT_TRUE(touched.ok());
    EXPECT_EQ(touched->version, version);
    ASSERT_TRUE(Get("k") == value) << bytes;
    ASSERT_TRUE(keyspace_->Touch(Ref("k"), kNever, now_)->found);
    Advance(1000);
    ASSERT_TRUE(Get("k") == value) << bytes;

    Put("stale", value);
    ASSERT_TRUE(Delete("stale", 500));
    StringSink sink;
    ASSERT_EQ(keyspace_->Get(Ref("stale"), now_, sink), GetOutcome::kHit);
    EXPECT_TRUE(sink.info.stale);
    ASSERT_TRUE(sink.value == value) << bytes;
    Advance(500);
    EXPECT_EQ(Get("stale"), std::nullopt);
    Delete("k");
  }
}

TEST_F(KeyspaceValueTest, ScanGivesValuesOfAllSizesWholeAndOnce) {
  for (const size_t bytes : kSizes) Put("k" + std::to_string(bytes), Text(bytes, bytes));
  ScanCollector all;
  ScanPosition at;
  while (!at.at_end()) {
    at = keyspace_->Scan(at, {.limit = 2, .bytes_max = kBlock}, now_, all);
  }
  ASSERT_EQ(all.keys.size(), kSizes.size());
  EXPECT_EQ(std::set<std::string>(all.keys.begin(), all.keys.end()).size(), kSizes.size());
  for (size_t i = 0; i < all.keys.size(); ++i) {
    const size_t bytes = std::stoul(all.keys[i].substr(1));
    ASSERT_TRUE(all.values[i] == Text(bytes, bytes)) << bytes;
  }
}

TEST_F(KeyspaceValueTest, UseIsAboutWhatTheValuesTake) {
  const uint64_t fresh = keyspace_->Memory().total();
  for (int i = 0; i < 40; ++i) Put("k" + std::to_string(i), Text(kMebibyte));
  const MemoryUsage usage = keyspace_->Memory();
  EXPECT_GE(usage.entries, 40 * kMebibyte);
  EXPECT_LE(usage.total() - fresh, 42 * kMebibyte) << "parts are charged once";
  for (int i = 0; i < 40; ++i) Put("k" + std::to_string(i), Text(kMebibyte, 2), 100'000);
  EXPECT_LE(keyspace_->Memory().total() - fresh, 42 * kMebibyte) << "overwritten, with an expiry";
}

TEST_F(KeyspaceValueTest, FlushedItHoldsNothingOfWhatItHad) {
  for (const EvictionKind kind :
       {EvictionKind::kS3Fifo, EvictionKind::kLru, EvictionKind::kTtl, EvictionKind::kRandom}) {
    Make({.memory_bytes = 8 * kMebibyte, .stripes = 2, .eviction = kind});
    const MemoryUsage fresh = keyspace_->Memory();
    Random random(1);
    for (int i = 0; i < 3000; ++i) {
      const size_t bytes = random.Below(50) == 0 ? random.Below(kMebibyte) : random.Below(3000);
      const std::string key = "k" + std::to_string(random.Below(1000));
      Put(key, Text(bytes), random.Below(2) == 0 ? 5000 : 0);
      Advance(1);
    }
    ASSERT_GT(keyspace_->Stats().evictions, 0u);
    ASSERT_TRUE(keyspace_->Flush(now_).ok());
    for (bool more = true; more;) keyspace_->Expire(now_, 1000, &more);
    const MemoryUsage usage = keyspace_->Memory();
    EXPECT_EQ(usage.entries, 0u);
    EXPECT_EQ(usage.tables, 0u);
    // The tables of segments and the memory of ghosts stay.
    EXPECT_LE(usage.slack, fresh.slack + 16 * 1024);
    EXPECT_LE(usage.policy, fresh.policy + 16 * 1024) << EvictionKindName(kind);
    for (const size_t bytes : kSizes) Put("k" + std::to_string(bytes), Text(bytes, 3));
    for (const size_t bytes : kSizes) {
      ASSERT_TRUE(Get("k" + std::to_string(bytes)) == Text(bytes, 3)) << bytes;
    }
  }
}

TEST_F(KeyspaceValueTest, TheLimitGoesDownAndUpWithLargeValues) {
  const auto fill = [&](int first) {
    for (int i = first; i < first + 200; ++i) {
      Put("k" + std::to_string(i), Text(static_cast<size_t>(i) * 7919 % kMebibyte, 1));
      Advance(1);
      ASSERT_LE(keyspace_->Memory().total(), keyspace_->memory_limit_bytes());
    }
  };
  fill(0);
  for (const uint64_t mebibytes : {32, 16, 8, 48, 10, 64}) {
    ASSERT_TRUE(keyspace_->SetMemoryLimit(mebibytes * kMebibyte).ok());
    while (keyspace_->Shrink(now_, 3) >= 3) {
    }
    ASSERT_LE(keyspace_->Memory().total(), mebibytes * kMebibyte);
    fill(static_cast<int>(mebibytes) * 1000);
    EXPECT_GT(keyspace_->Memory().total(), mebibytes * kMebibyte * 7 / 10) << mebibytes;
  }
}

}  // namespace
}  // namespace larder::storage
