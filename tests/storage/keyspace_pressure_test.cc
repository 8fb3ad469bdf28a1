// The budget where it is hardest to keep.

#include <algorithm>
#include <string>

#include "storage/random.h"
#include "tests/storage/keyspace_fixture.h"

namespace larder::storage {
namespace {

constexpr uint64_t kMebibyte = uint64_t{1} << 20;

class KeyspacePressureTest : public KeyspaceTest {
 protected:
  absl::StatusOr<SetResult> SetIn(uint32_t slot, const std::string& key, size_t value_bytes) {
    Advance(1);
    return keyspace_->Set({slot, key}, std::string(value_bytes, 'v'), {}, now_);
  }
  // By how much the budget is passed.
  uint64_t Excess() {
    const uint64_t total = keyspace_->Memory().total();
    return total - std::min(total, keyspace_->memory_limit_bytes());
  }
};

TEST_F(KeyspacePressureTest, AFlushedSlotIsRefilledWithinTheBudget) {
  for (const EvictionKind kind : {EvictionKind::kS3Fifo, EvictionKind::kLru}) {
    Make({.memory_bytes = 16 * kMebibyte, .stripes = 1, .eviction = kind});
    // Nine of ten entries are in one slot, and between them the others.
    int next = 0;
    while (keyspace_->Stats().evictions == 0) {
      const uint32_t slot = next % 10 == 0 ? 1 + static_cast<uint32_t>(next) % 1000 : 0;
      ASSERT_TRUE(SetIn(slot, std::to_string(next++), 500).ok());
    }
    const uint64_t others = keyspace_->Stats().entries - keyspace_->StatsOfSlot(0).entries;
    ASSERT_GT(keyspace_->FlushSlot(0, now_).value(), 10000u);
    ASSERT_EQ(Excess(), 0u) << "flushed";
    for (int i = 0; i < next * 8 / 10; ++i) {
      ASSERT_TRUE(SetIn(0, "again" + std::to_string(i), 500).ok());
      ASSERT_EQ(Excess(), 0u) << "refilled";
    }
    EXPECT_GT(keyspace_->StatsOfSlot(0).entries, static_cast<uint64_t>(next) * 7 / 10);
    EXPECT_GT(keyspace_->Stats().entries - keyspace_->StatsOfSlot(0).entries, others * 8 / 10)
        << EvictionKindName(kind) << " evicted what need not have gone";
  }
}

TEST_F(KeyspacePressureTest, GhostsArePaidForBeforeTheyAreMade) {
  Make({.memory_bytes = 8 * kMebibyte, .stripes = 1});
  int i = 0;
  for (; keyspace_->Stats().evictions < 2000; ++i) {
    ASSERT_TRUE(SetIn(static_cast<uint32_t>(i) % kSlots, std::to_string(i), 1).ok());
    if (keyspace_->Stats().evictions == 0) continue;
    ASSERT_EQ(Excess(), 0u) << i;
  }
}

TEST_F(KeyspacePressureTest, LargeValuesAreHitAboutAsOftenInManyStripesAsInOne) {
  for (const EvictionKind kind : {EvictionKind::kLru, EvictionKind::kS3Fifo}) {
    int hits[2] = {};
    for (const uint32_t stripes : {1u, 16u}) {
      Make({.memory_bytes = 64 * kMebibyte, .stripes = stripes, .eviction = kind});
      Random random(4);
      for (int i = 0; i < 8000; ++i) {
        // The lower a number, the more often it comes: half of all below a hundred of a thousand.
        const double place = random.Fraction();
        const auto number = static_cast<uint32_t>(1000 * place * place * place);
        const std::string key = std::to_string(number);
        StringSink sink;
        if (keyspace_->Get({number % 16, key}, now_, sink) == GetOutcome::kHit) {
          ++hits[stripes == 1 ? 0 : 1];
          Advance(1);
        } else {
          ASSERT_TRUE(SetIn(number % 16, key, 260 * 1024).ok());
        }
      }
    }
    EXPECT_GT(hits[1], hits[0] * 91 / 100) << EvictionKindName(kind);
  }
}

TEST_F(KeyspacePressureTest, StaleDeletesStayWithinTheBudgetAlsoWhereNothingIsEvicted) {
  Make({.memory_bytes = 8 * kMebibyte, .stripes = 1, .eviction = EvictionKind::kNone});
  int count = 0;
  for (const size_t bytes : {1000, 100, 1}) {
    while (SetIn(static_cast<uint32_t>(count), std::to_string(count), bytes).ok()) ++count;
  }
  for (int i = 0; i < count; ++i) {
    const std::string key = std::to_string(i);
    const KeyRef ref{static_cast<uint32_t>(i), key};
    EXPECT_TRUE(keyspace_->Delete(ref, {.stale_until = now_ + Millis(9)}, now_)->deleted);
    ASSERT_EQ(Excess(), 0u) << key;
  }
}

TEST_F(KeyspacePressureTest, ALimitFarBelowTheStripesIsRefused) {
  Make({.memory_bytes = 512 * kMebibyte, .stripes = 16});
  const absl::Status status = keyspace_->SetMemoryLimit(15 * kMebibyte);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("16 stripes"), std::string::npos) << status;
  EXPECT_EQ(keyspace_->memory_limit_bytes(), 512 * kMebibyte);
  EXPECT_TRUE(keyspace_->SetMemoryLimit(16 * kMebibyte).ok());
}

}  // namespace
}  // namespace larder::storage
