#include "cluster/hash_slot.h"

#include <string>

#include "gtest/gtest.h"

namespace larder::cluster {
namespace {

// Expected values are what `CLUSTER KEYSLOT` of Redis 7 answers.
TEST(HashSlotTest, EqualsRedisCluster) {
  EXPECT_EQ(HashSlot("123456789"), 0x31C3u % kHashSlots);  // the check value of CRC16-XMODEM
  EXPECT_EQ(HashSlot("foo"), 12182u);
  EXPECT_EQ(HashSlot("bar"), 5061u);
  EXPECT_EQ(HashSlot("hello"), 866u);
  EXPECT_EQ(HashSlot(""), 0u);
}

TEST(HashSlotTest, KeysWithOneHashTagShareASlot) {
  EXPECT_EQ(HashSlot("{user1000}.following"), HashSlot("{user1000}.followers"));
  EXPECT_EQ(HashSlot("{user1000}.following"), HashSlot("user1000"));
  EXPECT_EQ(HashSlot("foo{bar}{zap}"), HashSlot("bar"));
  EXPECT_EQ(HashSlot("foo{{bar}}zap"), HashSlot("{bar"));
}

TEST(HashSlotTest, EmptyOrUnclosedTagHashesTheWholeKey) {
  EXPECT_NE(HashSlot("foo{}{bar}"), HashSlot("bar"));
  EXPECT_NE(HashSlot("foo{bar"), HashSlot("bar"));
  EXPECT_NE(HashSlot("foo}bar{"), HashSlot("bar"));
}

TEST(HashSlotTest, StaysInRangeForAnyBytes) {
  std::string key;
  for (int i = 0; i < 1000; ++i) {
    key.push_back(static_cast<char>(i * 37));
    EXPECT_LT(HashSlot(key), kHashSlots);
  }
}

}  // namespace
}  // namespace larder::cluster
