// A stripe that has as many records as it may, in a node that has memory left.

#include <map>
#include <string>

#include "storage/lasting_failure.h"
#include "storage/random.h"
#include "tests/storage/keyspace_fixture.h"

namespace larder::storage {
namespace {

constexpr uint64_t kMebibyte = uint64_t{1} << 20;
constexpr uint64_t kGibibyte = uint64_t{1} << 30;
constexpr uint64_t kMemory = 64 * kMebibyte;
constexpr uint32_t kSegments = 560;  // of 64 KiB: 35 MiB

class CrowdedTest : public KeyspaceTest {
 protected:
  void MakeWith(EvictionKind kind) {
    Make({.memory_bytes = kMemory,
          .stripes = 2,
          .eviction = kind,
          .stripe_segments_max = kSegments});
  }
  absl::Status PutIn(uint32_t slot, const std::string& key, size_t value_bytes) {
    Advance(1);
    return keyspace_->Set({slot, key}, ValueOf(key, value_bytes), {}, now_).status();
  }
  bool Read(uint32_t slot, const std::string& key) {
    StringSink sink;
    if (keyspace_->Get({slot, key}, now_, sink) != GetOutcome::kHit) return false;
    EXPECT_EQ(*sink.value, ValueOf(key, sink.value->size()));
    return true;
  }
  static std::string ValueOf(const std::string& key, size_t bytes) {
    return std::string(bytes, key.back());
  }
  // Half of the budget, about, is the other stripe's, and stays so.
  void ExpectMemoryLeft() {
    EXPECT_LT(keyspace_->Memory().total(), kMemory * 3 / 4) << "else this test tests nothing";
  }
};

TEST_F(CrowdedTest, EvictsFromTheStripeThatIsFullThoughThereIsMemory) {
  for (const EvictionKind kind : {EvictionKind::kS3Fifo, EvictionKind::kSieve, EvictionKind::kSlru,
                                  EvictionKind::kLru, EvictionKind::kLruSampled, EvictionKind::kLfu,
                                  EvictionKind::kFifo, EvictionKind::kTtl, EvictionKind::kRandom}) {
    SCOPED_TRACE(EvictionKindName(kind));
    MakeWith(kind);
    ASSERT_TRUE(PutIn(1, "other", 100).ok());
    Random random(5);
    for (int i = 0; i < 70'000; ++i) {
      const std::string key = std::to_string(i);
      ASSERT_EQ(PutIn(0, key, 1000), absl::OkStatus()) << i;
      ASSERT_TRUE(Read(0, key)) << i;
      for (int reads = 0; reads < 2; ++reads) Read(0, std::to_string(random.Below(i + 1)));
    }
    EXPECT_GT(keyspace_->Stats().evictions, 30'000u);
    EXPECT_GT(keyspace_->Stats().entries, 25'000u) << "no more than need be";
    EXPECT_TRUE(Read(1, "other"));
    ExpectMemoryLeft();
  }
}

TEST_F(CrowdedTest, HoldsAlsoRecordsThatLeaveHalfOfTheirSegmentUnused) {
  for (const EvictionKind kind : {EvictionKind::kS3Fifo, EvictionKind::kRandom}) {
    SCOPED_TRACE(EvictionKindName(kind));
    MakeWith(kind);
    Random random(6);
    std::string last;
    for (int i = 0; i < 3000; ++i) {
      last = std::string(20'000 + random.Below(12'000), 'k') + std::to_string(i);
      ASSERT_TRUE(PutIn(0, last, random.Below(4000)).ok()) << i;
      ASSERT_TRUE(Read(0, last)) << i;
    }
    EXPECT_GT(keyspace_->Stats().evictions, 1000u);
    EXPECT_GT(keyspace_->Stats().entries, 400u);
    ExpectMemoryLeft();
  }
}

TEST_F(CrowdedTest, AnyMixOfOperationsStaysWithinTheNumbers) {
  for (const EvictionKind kind : {EvictionKind::kS3Fifo, EvictionKind::kLru, EvictionKind::kTtl}) {
    SCOPED_TRACE(EvictionKindName(kind));
    MakeWith(kind);
    Random random(7);
    for (int i = 0; i < 120'000; ++i) {
      Advance(1);
      const std::string key = std::to_string(random.Below(40'000));
      const KeyRef ref{0, key};
      switch (random.Below(8)) {
        case 0:
          ASSERT_TRUE(keyspace_->Touch(ref, now_ + Millis(1'000'000), now_).ok());
          break;
        case 1:
          keyspace_->Delete(ref, {.stale_until = now_ + Millis(1'000'000)}, now_).IgnoreError();
          break;
        case 2:
          ASSERT_TRUE(keyspace_->Append(ref, std::string(50, key.back()), {}, now_).ok());
          break;
        default:
          ASSERT_TRUE(PutIn(0, key, 900 + random.Below(1100)).ok()) << i;
          ASSERT_TRUE(Read(0, key));
      }
    }
    EXPECT_GT(keyspace_->Stats().evictions, 10'000u);
    ExpectMemoryLeft();
  }
}

TEST_F(CrowdedTest, WhereNothingMayBeEvictedTheWriteIsRefusedForGood) {
  MakeWith(EvictionKind::kNone);
  int stored = 0;
  absl::Status status;
  for (; status.ok(); ++stored) status = PutIn(0, std::to_string(stored), 1000);
  --stored;
  EXPECT_GT(stored, 30'000);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(IsLasting(status));
  EXPECT_NE(status.message().find("--stripes"), status.message().npos) << status;
  EXPECT_NE(status.message().find("--eviction=none"), status.message().npos) << status;
  ExpectMemoryLeft();
  EXPECT_TRUE(PutIn(0, "17", 1000).ok()) << "it fits where it is";
  EXPECT_TRUE(PutIn(1, "other stripe", 1000).ok());
  EXPECT_EQ(keyspace_->Append({0, "18"}, std::string(100, '8'), {}, now_).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(keyspace_->Touch({0, "19"}, now_ + Millis(1000), now_).status().code(),
            absl::StatusCode::kResourceExhausted);
  for (int i = 0; i < stored; ++i) ASSERT_TRUE(Read(0, std::to_string(i))) << i;
  for (int i = 1000; i < 1200; ++i)
    keyspace_->Delete({0, std::to_string(i)}, {}, now_).IgnoreError();
  EXPECT_TRUE(PutIn(0, "new", 1000).ok());
}

TEST_F(CrowdedTest, ABudgetThatAStripeCouldNotHoldIsRefused) {
  const auto create = [this](uint64_t memory_bytes, uint32_t stripes) {
    return Keyspace::Create({.memory_bytes = memory_bytes, .stripes = stripes}, &clock_).status();
  };
  EXPECT_TRUE(create(59 * kGibibyte, 1).ok());
  for (const auto& [memory, stripes] : {std::pair{61 * kGibibyte, 1u}, {4096 * kGibibyte, 64u}}) {
    const absl::Status status = create(memory, stripes);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find("--stripes"), status.message().npos) << status;
  }
  EXPECT_TRUE(create(3500 * kGibibyte, 64).ok());
  Make({.memory_bytes = kMemory, .stripes = 1});
  EXPECT_TRUE(keyspace_->SetMemoryLimit(59 * kGibibyte).ok());
  EXPECT_EQ(keyspace_->SetMemoryLimit(61 * kGibibyte).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace larder::storage
