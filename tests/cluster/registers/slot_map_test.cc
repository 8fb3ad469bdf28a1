#include "cluster/registers/slot_map.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>

namespace larder::cluster {
namespace {

using Run = SlotMap::Run;

TEST(SlotMapTest, IsSharedOutEvenly) {
  for (const uint32_t shards : {1u, 3u, 7u, 1000u, 16384u}) {
    const SlotMap map = SlotMap::Even(1, shards);
    uint32_t least = SlotMap::kSlots;
    uint32_t most = 0;
    uint32_t all = 0;
    for (uint32_t shard = 0; shard < shards; ++shard) {
      const uint32_t slots = map.SlotsOf(ShardId(shard));
      least = std::min(least, slots);
      most = std::max(most, slots);
      all += slots;
    }
    EXPECT_EQ(all, SlotMap::kSlots);
    EXPECT_LE(most - least, 1u) << shards;
    EXPECT_EQ(map.ShardOf(0), ShardId(0));
    EXPECT_EQ(map.ShardOf(16383), ShardId(shards - 1));
  }
}

TEST(SlotMapTest, ChangesAsAPlainMapDoes) {
  std::mt19937 random(7);
  SlotMap map = SlotMap::Even(1, 3);
  std::map<uint32_t, std::optional<ShardId>> plain;
  for (uint32_t slot = 0; slot < SlotMap::kSlots; ++slot) plain[slot] = map.ShardOf(slot);
  for (int change = 0; change < 200; ++change) {
    uint32_t first = random() % SlotMap::kSlots;
    uint32_t last = random() % SlotMap::kSlots;
    if (first > last) std::swap(first, last);
    std::optional<ShardId> shard;
    if (random() % 4 != 0) shard = ShardId(random() % 5);
    const uint64_t before = map.version();
    map = map.With(first, last, shard);
    EXPECT_EQ(map.version(), before + 1);
    for (uint32_t slot = first; slot <= last; ++slot) plain[slot] = shard;
    if (change % 20 != 0) continue;
    for (const auto& [slot, owner] : plain) ASSERT_EQ(map.ShardOf(slot), owner) << slot;
  }
  for (size_t i = 1; i < map.runs().size(); ++i) {
    EXPECT_NE(map.runs()[i].shard, map.runs()[i - 1].shard);
  }
}

TEST(SlotMapTest, RefusesRunsThatAreNone) {
  EXPECT_FALSE(SlotMap::Create(1, {}).ok());
  EXPECT_FALSE(SlotMap::Create(1, {{1, ShardId(0)}}).ok());
  EXPECT_FALSE(SlotMap::Create(1, {{0, ShardId(0)}, {0, ShardId(1)}}).ok());
  EXPECT_FALSE(SlotMap::Create(1, {{0, ShardId(0)}, {9, ShardId(1)}, {5, ShardId(2)}}).ok());
  EXPECT_EQ(SlotMap::Create(1, {{0, ShardId(0)}, {16384, ShardId(1)}}).status().message(),
            "slot map: run 1 begins at 16384, not between the one before and 16383");
  EXPECT_TRUE(SlotMap::Create(1, {{0, ShardId(0)}, {16383, std::nullopt}}).ok());
}

}  // namespace
}  // namespace larder::cluster
