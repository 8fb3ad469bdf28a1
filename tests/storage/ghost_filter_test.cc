#include "storage/eviction/ghost_filter.h"

#include <algorithm>
#include <cstdint>

#include "gtest/gtest.h"
#include "storage/random.h"

namespace larder::storage {
namespace {

constexpr uint64_t kCapacity = 64000;

uint64_t HashOf(uint64_t number) { return Random::Mix(number * 0x9e3779b97f4a7c15ULL + 1); }

// Adds the numbers from `first` on.
void AddAll(GhostFilter& filter, uint64_t first, uint64_t count) {
  for (uint64_t i = first; i < first + count; ++i) filter.Add(HashOf(i));
}
// The share of these numbers that is remembered; they are forgotten.
double ShareFound(GhostFilter& filter, uint64_t first, uint64_t count) {
  uint64_t found = 0;
  for (uint64_t i = first; i < first + count; ++i) found += filter.Remove(HashOf(i)) ? 1 : 0;
  return static_cast<double>(found) / static_cast<double>(count);
}

TEST(GhostFilterTest, RemembersTheLastOnesButForFullBuckets) {
  for (const uint64_t added : {kCapacity / 2, kCapacity, 10 * kCapacity}) {
    GhostFilter filter(kCapacity);
    AddAll(filter, 0, added);
    // Seven and a ninth cells of eight are taken by a capacity's worth: the older, the more likely
    // is a hash to have lost its cell.
    EXPECT_GT(ShareFound(filter, added - kCapacity / 4, kCapacity / 4), 0.995) << added;
    EXPECT_GT(ShareFound(filter, added - kCapacity / 2, kCapacity / 4), 0.97) << added;
    if (added < kCapacity) continue;
    EXPECT_GT(ShareFound(filter, added - kCapacity * 7 / 8, kCapacity * 3 / 8), 0.80) << added;
  }
}

TEST(GhostFilterTest, ForgetsWhatIsOlderThanItsCapacity) {
  GhostFilter filter(kCapacity);
  AddAll(filter, 0, 5 * kCapacity);
  const uint64_t old = 5 * kCapacity - kCapacity * 9 / 8 - 100;
  EXPECT_LT(ShareFound(filter, 0, old), 0.01);
}

TEST(GhostFilterTest, TakesFewOthersForOneOfThem) {
  GhostFilter filter(kCapacity);
  AddAll(filter, 0, 3 * kCapacity);
  EXPECT_LT(ShareFound(filter, 100 * kCapacity, 5 * kCapacity), 0.01);
}

TEST(GhostFilterTest, RemoveForgets) {
  GhostFilter filter(kCapacity);
  AddAll(filter, 0, 1000);
  EXPECT_GT(ShareFound(filter, 0, 1000), 0.999);
  EXPECT_LT(ShareFound(filter, 0, 1000), 0.01);
  AddAll(filter, 0, 1000);
  EXPECT_GT(ShareFound(filter, 0, 1000), 0.999) << "and may learn again";
}

TEST(GhostFilterTest, WorksTheSameWhenItsGenerationsHaveComeRoundOftenAgain) {
  GhostFilter filter(1000);
  for (uint64_t added = 0; added < 200'000; added += 1000) {
    AddAll(filter, added, 1000);
    if (added == 0) continue;
    // An odd step, so that every generation is met in every state.
    AddAll(filter, 10'000'000 + added, added / 1000 % 125);
    ASSERT_GT(ShareFound(filter, added + 900, 100), 0.96) << added;
    ASSERT_LT(ShareFound(filter, added - std::min<uint64_t>(added, 1000), 500), 0.75) << added;
  }
}

TEST(GhostFilterTest, TakesTwoBytesForEachAndWorksWhenTiny) {
  EXPECT_LE(GhostFilter(kCapacity).memory_bytes(), kCapacity * 9 / 4 + 64);
  EXPECT_EQ(GhostFilter(kCapacity).capacity(), kCapacity);
  GhostFilter tiny(0);
  for (uint64_t i = 0; i < 1000; ++i) {
    tiny.Add(HashOf(i));
    ASSERT_TRUE(tiny.Remove(HashOf(i))) << i;
  }
}

}  // namespace
}  // namespace larder::storage
