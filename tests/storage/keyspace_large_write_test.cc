// Writes that are larger than the room that is free.

#include <algorithm>
#include <string>
#include <vector>

#include "storage/random.h"
#include "tests/storage/keyspace_fixture.h"

namespace larder::storage {
namespace {

constexpr uint64_t kBudget = 8 << 20;
constexpr EvictionKind kEvicting[] = {
    EvictionKind::kLru,    EvictionKind::kLruSampled, EvictionKind::kLfu,
    EvictionKind::kFifo,   EvictionKind::kTtl,        EvictionKind::kRandom,
    EvictionKind::kS3Fifo, EvictionKind::kSieve,      EvictionKind::kSlru};

class KeyspaceLargeWriteTest : public KeyspaceTest {
 protected:
  static constexpr size_t kSmallBytes = 1000;
  // More than a small entry may take beside its value, one with another.
  static constexpr uint64_t kOverheadBytes = 80;

  void Fill(int entries, int64_t ttl_ms = 0) {
    for (int i = 0; i < entries; ++i) {
      Put("small" + std::to_string(i), std::string(kSmallBytes, 's'), ttl_ms);
      Advance(1);
    }
  }
  uint64_t Evictions() const { return keyspace_->Stats().evictions; }
  uint64_t Used() const { return keyspace_->Memory().total(); }
  uint64_t Limit() const { return keyspace_->memory_limit_bytes(); }
  // So many small entries make room for what is missing, and for what segments may waste.
  uint64_t EvictionsFor(uint64_t bytes_more) const {
    const uint64_t missing = Used() + bytes_more - std::min(Limit(), Used() + bytes_more);
    return (missing * 31 / 30 + 200'000) / kSmallBytes;
  }
  // True if the call evicts no more than makes room for a use of so many bytes more.
  template <typename Write>
  void ExpectEvictsWhatIsMissing(uint64_t bytes_more, Write&& write) {
    const uint64_t evictions = Evictions();
    const uint64_t most = EvictionsFor(bytes_more);
    const absl::Status status = write();
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_LE(Evictions() - evictions, most) << "for " << bytes_more;
    EXPECT_LE(Used(), Limit());
  }
};

TEST_F(KeyspaceLargeWriteTest, EvictsOnlyWhatIsMissing) {
  for (const EvictionKind kind : kEvicting) {
    SCOPED_TRACE(std::string(EvictionKindName(kind)));
    Make({.memory_bytes = kBudget, .eviction = kind});
    Fill(4100);
    ASSERT_EQ(Evictions(), 0u);
    ExpectEvictsWhatIsMissing(3'300'000,
                              [&] { return Set("large", std::string(3'300'000, 'l')).status(); });
    EXPECT_GT(Used(), kBudget * 9 / 10);
  }
}

TEST_F(KeyspaceLargeWriteTest, EvictsOnlyWhatIsMissingOfManyStripes) {
  for (const EvictionKind kind : {EvictionKind::kS3Fifo, EvictionKind::kRandom}) {
    SCOPED_TRACE(std::string(EvictionKindName(kind)));
    Make({.memory_bytes = 16 * kBudget, .stripes = 8, .eviction = kind});
    Fill(110'000);
    const uint64_t before = Evictions();
    const uint64_t most = EvictionsFor(30'000'000);
    ASSERT_TRUE(Set("large", std::string(30'000'000, 'l')).ok());
    EXPECT_LE(Evictions() - before, most * 11 / 10);
    EXPECT_GT(Used(), Limit() * 9 / 10);
    EXPECT_LE(Used(), Limit());
  }
}

TEST_F(KeyspaceLargeWriteTest, ThatTakesHalfOfAllFits) {
  Make({.memory_bytes = kBudget});
  Fill(3300);
  ASSERT_EQ(Evictions(), 0u);
  ExpectEvictsWhatIsMissing(4'120'000,
                            [&] { return Set("large", std::string(4'120'000, 'l')).status(); });
  EXPECT_EQ(Get("large"), std::string(4'120'000, 'l'));
}

TEST_F(KeyspaceLargeWriteTest, GrowsAndReplacesAtTheCostOfTheDifference) {
  for (const EvictionKind kind : {EvictionKind::kS3Fifo, EvictionKind::kLru, EvictionKind::kLfu}) {
    SCOPED_TRACE(std::string(EvictionKindName(kind)));
    Make({.memory_bytes = kBudget, .eviction = kind});
    Put("large", std::string(1'500'000, 'l'));
    Fill(4100);
    EXPECT_EQ(Get("large"), std::string(1'500'000, 'l'));
    ASSERT_EQ(Evictions(), 0u);
    ExpectEvictsWhatIsMissing(2'000'000, [&] {
      return keyspace_->Append(Ref("large"), std::string(2'000'000, 'm'), {}, now_).status();
    });
    EXPECT_EQ(Get("large"), std::string(1'500'000, 'l') + std::string(2'000'000, 'm'));
    ExpectEvictsWhatIsMissing(400'000,
                              [&] { return Set("large", std::string(3'900'000, 'n')).status(); });
    ExpectEvictsWhatIsMissing(0,
                              [&] { return Set("large", std::string(3'800'000, 'o')).status(); });
  }
}

TEST_F(KeyspaceLargeWriteTest, ThatCannotFitEvictsNothing) {
  for (const EvictionKind kind :
       {EvictionKind::kS3Fifo, EvictionKind::kLru, EvictionKind::kLruSampled, EvictionKind::kTtl}) {
    Make({.memory_bytes = kBudget, .eviction = kind});
    const auto fits_alone = [&](size_t bytes) {
      EXPECT_TRUE(keyspace_->Flush(now_).ok());
      for (bool more = true; more;) keyspace_->Expire(now_, 1000, &more);
      return Set("large", std::string(bytes, 'l')).ok();
    };
    size_t fits = kBudget / 2;
    size_t too_large = kBudget;
    while (too_large - fits > 1000) {
      const size_t middle = (fits + too_large) / 2;
      (fits_alone(middle) ? fits : too_large) = middle;
    }
    Make({.memory_bytes = kBudget, .eviction = kind});
    Fill(9000);
    Random random(3);
    for (int i = 0; i < 15; ++i) {
      SCOPED_TRACE(std::string(EvictionKindName(kind)) + " " + std::to_string(i));
      const size_t bytes = fits * 9 / 10 + random.Below(kBudget / 5);
      const KeyspaceStats before = keyspace_->Stats();
      const auto result = Set("large", std::string(bytes, 'l'));
      ASSERT_LE(Used(), Limit());
      if (result.ok()) {
        EXPECT_LE(bytes, fits + 1000);
        Fill(9000);
        continue;
      }
      EXPECT_GT(bytes, fits * 97 / 100) << result.status();
      EXPECT_EQ(keyspace_->Stats().evictions, before.evictions) << bytes << result.status();
      EXPECT_EQ(keyspace_->Stats().entries, before.entries);
      EXPECT_NE(result.status().message().find("--memory=8388608"), std::string::npos)
          << result.status();
    }
  }
}

TEST_F(KeyspaceLargeWriteTest, ThatCannotFitBesideWhatStaysEvictsNothing) {
  Make({.memory_bytes = kBudget,
        .eviction = EvictionKind::kLru,
        .eviction_scope = EvictionScope::kKeysWithTtl});
  for (int i = 0; i < 5000; ++i) Put("stays" + std::to_string(i), std::string(1000, 'v'));
  Fill(500, /*ttl_ms=*/1'000'000);
  ASSERT_EQ(Evictions(), 0u);
  const auto refused = Set("large", std::string(3'000'000, 'l'));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(refused.status().message().find("--eviction_scope=ttl"), std::string::npos);
  EXPECT_EQ(refused.status().message().find("nothing may be evicted"), std::string::npos)
      << refused.status();
  EXPECT_EQ(Evictions(), 0u);
  EXPECT_EQ(Get("small0"), std::string(kSmallBytes, 's'));
  ExpectEvictsWhatIsMissing(1'700'000,
                            [&] { return Set("large", std::string(1'700'000, 'l')).status(); });
}

// Fills a node with entries of which two of three go, so that their memory is free only after a
// compaction, as far as it is not overdrawn.
TEST_F(KeyspaceLargeWriteTest, TakesWhatACompactionFrees) {
  for (const bool is_copy : {false, true}) {
    SCOPED_TRACE(is_copy);
    Make({.memory_bytes = kBudget, .eviction = EvictionKind::kNone});
    int count = 0;
    while (Set("k" + std::to_string(count), std::string(kSmallBytes, 'v')).ok()) ++count;
    int left = count;
    for (int i = 0; i < count; ++i) {
      if (i % 3 == 0) continue;
      ASSERT_TRUE(Delete("k" + std::to_string(i)));
      --left;
    }
    const uint64_t live = static_cast<uint64_t>(left) * (kSmallBytes + kOverheadBytes);
    const size_t bytes = kBudget - live - kBudget / 8;
    const std::string value(bytes, 'l');
    if (is_copy) {
      const auto applied = keyspace_->Apply({.kind = MutationKind::kSet,
                                             .slot = Ref("large").slot,
                                             .key = "large",
                                             .version = clock_.Next(now_),
                                             .value = ValueView(value)},
                                            now_);
      EXPECT_TRUE(applied.ok()) << applied.status();
    } else {
      const auto result = Set("large", value);
      EXPECT_TRUE(result.ok()) << result.status();
    }
    EXPECT_EQ(Get("large"), value);
    EXPECT_EQ(keyspace_->Stats().entries, static_cast<uint64_t>(left) + 1);
    EXPECT_LE(Used(), Limit());
  }
}

TEST_F(KeyspaceLargeWriteTest, ThatIsRefusedWithoutEvictionTellsHowMuchIsUsed) {
  Make({.memory_bytes = kBudget, .eviction = EvictionKind::kNone});
  Fill(3300);
  const uint64_t used = Used();
  const auto refused = Set("large", std::string(6'000'000, 'l'));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  const std::string message(refused.status().message());
  EXPECT_NE(message.find("nothing may be evicted under --eviction=none"), std::string::npos)
      << message;
  const size_t at = message.find_first_of("0123456789");
  ASSERT_NE(at, std::string::npos) << message;
  const uint64_t said = std::stoull(message.substr(at));
  EXPECT_GE(said, used);
  EXPECT_LE(said, used + 4096) << "what one stripe keeps for its next writes";
  EXPECT_TRUE(Set("large", std::string(3'800'000, 'l')).ok());
}

TEST_F(KeyspaceLargeWriteTest, UnderALoweredLimitGetsNoMoreThanItFrees) {
  Make({.memory_bytes = 4 * kBudget, .stripes = 1});
  Fill(26'000);
  ASSERT_TRUE(keyspace_->SetMemoryLimit(2 * kBudget).ok());
  const uint64_t evictions = Evictions();
  EXPECT_FALSE(Set("too large", std::string(2 * kBudget, 'l')).ok());
  EXPECT_LE(Evictions() - evictions, 300u) << "a step towards the limit at most";
  const uint64_t used = Used();
  ASSERT_TRUE(Set("large", std::string(3'000'000, 'l')).ok());
  EXPECT_LE(Used(), used);
  EXPECT_TRUE(Get("large").has_value());
  while (keyspace_->Shrink(now_, 100) >= 100) {
  }
  EXPECT_LE(Used(), Limit());
}

}  // namespace
}  // namespace larder::storage
