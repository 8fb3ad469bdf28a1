// What the papers say of each policy, in small.

#include <algorithm>
#include <set>

#include "storage/random.h"
#include "tests/storage/store_fixture.h"

namespace larder::storage {
namespace {

using Keys = std::vector<std::string>;

TEST_F(StoreTest, LruEvictsInTheOrderOfLastUse) {
  Make(EvictionKind::kLru);
  PutAll(0, 5);
  Use("1");
  Use("0");
  Use("0");
  Put("3", 500);
  EXPECT_EQ(EvictAll(), (Keys{"2", "4", "1", "0", "3"}));
}

TEST_F(StoreTest, FifoEvictsInTheOrderOfInsertion) {
  Make(EvictionKind::kFifo);
  PutAll(0, 5);
  Use("0");
  Put("1", 500);
  Remove("2");
  Put("2");
  EXPECT_EQ(EvictAll(), (Keys{"0", "1", "3", "4", "2"}));
}

TEST_F(StoreTest, TtlEvictsTheSoonestToExpireAndTheOthersInOrder) {
  Make(EvictionKind::kTtl);
  Put("never 1");
  Put("soon", 10, now_ + Millis(1000));
  Put("late", 10, now_ + Millis(9000));
  Put("never 2");
  Put("middle", 10, now_ + Millis(5000));
  Put("soon", 500, now_ + Millis(7000));
  Put("never 1", 10, now_ + Millis(8000));
  EXPECT_EQ(EvictAll(), (Keys{"middle", "soon", "never 1", "late", "never 2"}));
}

TEST_F(StoreTest, SieveSparesOnceWhatWasUsedAndItsHandGoesOn) {
  Make(EvictionKind::kSieve);
  PutAll(0, 6);
  Use("0");
  Use("1");
  EXPECT_EQ(Evict(), "2") << "0 and 1 were used";
  Use("1");
  EXPECT_EQ(Evict(), "3") << "the hand goes on from where it was";
  Put("6");
  EXPECT_EQ(Evict(), "4");
  EXPECT_EQ(Evict(), "5");
  EXPECT_EQ(Evict(), "6") << "what is new is at the end, so the hand comes to it";
  EXPECT_EQ(Evict(), "0") << "round again; its use was forgotten when the hand came by";
  EXPECT_EQ(Evict(), "1") << "used since, but alone";
}

TEST_F(StoreTest, SieveHandSurvivesTheRemovalAndTheMoveOfItsEntry) {
  Make(EvictionKind::kSieve);
  PutAll(0, 6);
  Use("0");
  EXPECT_EQ(Evict(), "1");
  Remove("2");  // where the hand was
  EXPECT_EQ(Evict(), "3");
  Put("4", 500);  // moves, and is used
  EXPECT_EQ(Evict(), "5");
  EXPECT_EQ(Evict(), "0");
  EXPECT_EQ(Evict(), "4");
}

TEST_F(StoreTest, SieveTakesOneAlsoWhenAllAreInUse) {
  Make(EvictionKind::kSieve);
  PutAll(0, 3000);
  for (int i = 0; i < 3000; ++i) Use(std::to_string(i));
  EXPECT_EQ(Evict(), "1000") << "after a thousand looks it takes the next";
}

TEST_F(StoreTest, SlruTakesTheOldestThatIsNotActive) {
  Make(EvictionKind::kSlru);
  PutAll(0, 10);
  Use("0");     // once is not active
  Use("1", 2);  // cold and active: warm
  EXPECT_EQ(Evict(), "0");
  EXPECT_EQ(Evict(), "2");
  EXPECT_EQ(Evict(), "3");
  const Keys rest = EvictAll();
  EXPECT_GT(std::find(rest.begin(), rest.end(), "1") - rest.begin(), 3) << "warm ones go late";
}

TEST_F(StoreTest, SlruHotEntryThatIsActiveBecomesWarmOthersCold) {
  Make(EvictionKind::kSlru);
  PutAll(0, 20);
  Put("active");
  Put("idle");
  Use("active", 2);  // both are hot still
  PutAll(20, 40);
  // All that came before them, and then the idle one.
  Keys gone;
  while (Has("idle")) gone.push_back(Evict());
  EXPECT_EQ(gone.size(), 21u);
  EXPECT_TRUE(Has("active"));
}

TEST_F(StoreTest, SlruWarmEntriesAreTwoFifthsAtMost) {
  Make(EvictionKind::kSlru);
  PutAll(0, 100);
  for (int i = 0; i < 80; ++i) Use(std::to_string(i), 2);
  for (int i = 0; i < 20; ++i) Put("new" + std::to_string(i));
  // 80 became warm, so the first of them are cold again, behind those that always were.
  int first_warm = -1;
  for (int i = 0; i < 40; ++i) {
    const std::string key = Evict();
    if (first_warm < 0 && key.size() < 3 && std::stoi(key) < 80) first_warm = i;
  }
  EXPECT_GE(first_warm, 0) << "some did not stay warm";
  EXPECT_TRUE(Has("79"));
}

TEST_F(StoreTest, S3FifoOneHitWondersLeaveByTheSmallQueue) {
  Make(EvictionKind::kS3Fifo);
  PutAll(0, 5);
  Use("0");
  EXPECT_EQ(EvictAll(), (Keys{"0", "1", "2", "3", "4"})) << "one use is not enough";
}

TEST_F(StoreTest, S3FifoAnEntryUsedTwiceGoesToTheMainQueue) {
  Make(EvictionKind::kS3Fifo);
  PutAll(0, 5);
  Use("0", 2);
  Use("2", 3);
  EXPECT_EQ(EvictAll(), (Keys{"1", "3", "4", "0", "2"}));
}

TEST_F(StoreTest, S3FifoAGhostComesBackIntoTheMainQueue) {
  Make(EvictionKind::kS3Fifo);
  PutAll(0, 5);
  EXPECT_EQ(Evict(), "0");
  Put("0");
  Put("5");
  EXPECT_EQ(EvictAll(), (Keys{"1", "2", "3", "4", "5", "0"}));
}

TEST_F(StoreTest, S3FifoMainQueueTakesWhatWasUsedInAgainForEachUse) {
  Make(EvictionKind::kS3Fifo);
  PutAll(0, 4);
  for (const char* key : {"0", "1", "2", "3"}) Use(key, 2);
  Put("small");
  EXPECT_EQ(Evict(), "small");  // all others are in the main queue now, unused
  Use("0", 5);                  // counts three times at most
  Use("2", 1);
  EXPECT_EQ(EvictAll(), (Keys{"1", "3", "2", "0"}));
}

TEST_F(StoreTest, S3FifoMainQueueIsToHaveNineTenths) {
  Make(EvictionKind::kS3Fifo);
  for (int i = 0; i < 40; ++i) Put(std::to_string(100 + i));
  for (int i = 0; i < 36; ++i) Use(std::to_string(100 + i), 2);
  EXPECT_EQ(Evict(), "136") << "those before it went to the main queue";
  EXPECT_EQ(Evict(), "100") << "which has more than its share";
  for (int i = 0; i < 10; ++i) Put(std::to_string(200 + i));
  EXPECT_EQ(Evict(), "137") << "now the small queue has more than a tenth";
}

TEST_F(StoreTest, S3FifoTakesExpiredEntriesWhateverTheirUse) {
  Make(EvictionKind::kS3Fifo);
  Put("expires", 10, now_ + Millis(20));
  Put("stays");
  Use("expires", 3);
  now_ += Millis(100);
  EXPECT_EQ(Evict(), "expires");
}

TEST_F(StoreTest, S3FifoTakesOneAlsoWhenAllAreInUse) {
  Make(EvictionKind::kS3Fifo);
  PutAll(0, 1000);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 1000; ++i) Use(std::to_string(i));
  }
  for (int i = 0; i < 1000; ++i) ASSERT_NE(Evict(), "") << i;
  EXPECT_EQ(store_->count(), 0u);
}

TEST_F(StoreTest, NoneEvictsNothing) {
  Make(EvictionKind::kNone);
  PutAll(0, 5);
  EXPECT_EQ(Evict(), "");
  EXPECT_EQ(store_->VictimRank(), EvictionPolicy::kNoVictim);
}

TEST_F(StoreTest, UnderScopeTtlOnlyEntriesThatExpireAreEvicted) {
  for (const EvictionKind kind : {EvictionKind::kS3Fifo, EvictionKind::kSieve, EvictionKind::kSlru,
                                  EvictionKind::kLru, EvictionKind::kLruSampled, EvictionKind::kLfu,
                                  EvictionKind::kFifo, EvictionKind::kTtl, EvictionKind::kRandom}) {
    SCOPED_TRACE(EvictionKindName(kind));
    Make(kind, EvictionScope::kKeysWithTtl);
    for (int i = 0; i < 3000; ++i) Put("stays" + std::to_string(i), 100);
    EXPECT_EQ(Evict(), "");
    EXPECT_EQ(store_->VictimRank(), EvictionPolicy::kNoVictim);
    for (int i = 0; i < 5; ++i) Put(std::to_string(i), 100, now_ + Millis(100'000));
    for (int i = 0; i < 5; ++i) Use(std::to_string(i), 3);
    Put("stays7", 100, now_ + Millis(100'000));  // comes into the scope
    Put("3", 100, kNever);                       // leaves it
    EXPECT_EQ(store_->evictable_count(), 5u);
    EXPECT_LT(store_->VictimRank(), EvictionPolicy::kNoVictim);
    Keys gone = EvictAll();
    std::sort(gone.begin(), gone.end());
    EXPECT_EQ(gone, (Keys{"0", "1", "2", "4", "stays7"}));
    EXPECT_EQ(store_->count(), 3000u);
  }
}

TEST_F(StoreTest, UnderScopeTtlCompactionKeepsApartWhatMayNotBeEvicted) {
  for (const EvictionKind kind : {EvictionKind::kS3Fifo, EvictionKind::kSlru, EvictionKind::kLru,
                                  EvictionKind::kLruSampled, EvictionKind::kRandom}) {
    SCOPED_TRACE(EvictionKindName(kind));
    Make(kind, EvictionScope::kKeysWithTtl);
    Random random(7);
    const TimePoint far = now_ + Millis(1'000'000'000);
    std::set<std::string> evictable;
    for (int i = 0; i < 60'000; ++i) {
      const std::string key = std::to_string(random.Below(3000));
      const bool expires = random.Below(50) == 0;
      Put(key, random.Below(600), expires ? far : kNever);
      evictable.erase(key);
      if (expires) evictable.insert(key);
      if (random.Below(300) == 0 && store_->evictable_count() > 0) {
        ASSERT_EQ(evictable.erase(Evict()), 1u);
      }
      ASSERT_EQ(store_->evictable_count(), evictable.size());
    }
    const Keys gone = EvictAll();
    EXPECT_EQ(std::set<std::string>(gone.begin(), gone.end()), evictable);
    EXPECT_EQ(gone.size(), evictable.size());
  }
}

TEST_F(StoreTest, S3FifoKeepsItsOrderAlsoUnderScopeTtl) {
  Make(EvictionKind::kS3Fifo, EvictionScope::kKeysWithTtl);
  // Many more that may not be evicted stand before, between and behind.
  Keys expected;
  for (int i = 0; i < 200; ++i) {
    for (int j = 0; j < 20; ++j) Put(std::to_string(100 * i + j) + "stays", 100);
    expected.push_back("goes" + std::to_string(1000 + i));
    Put(expected.back(), 100, now_ + Millis(1'000'000'000));
  }
  EXPECT_EQ(EvictAll(), expected);
}

}  // namespace
}  // namespace larder::storage
