// Policies that sample choose any entry with the same chance, wherever the entries are.

#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "storage/random.h"
#include "tests/storage/store_fixture.h"

namespace larder::storage {
namespace {

class SamplingTest : public StoreTest {
 protected:
  void Fill(int count, uint32_t slots, TimePoint expires_at = kNever) {
    for (int i = 0; i < count; ++i) {
      const std::string key = "key" + std::to_string(i);
      Put(key, i % 7 == 0 ? 800 : 20, expires_at, static_cast<uint32_t>(TestHash(key)) % slots);
    }
  }

  // Under kRandom a look at the victim changes nothing.
  void ExpectUniform() {
    const uint64_t count = store_->evictable_count();
    const uint64_t draws = count * 50;
    std::map<std::string, int> counts;
    for (uint64_t i = 0; i < draws; ++i) ++counts[std::string(store_->Victim(now_)->key())];
    EXPECT_EQ(counts.size(), count);
    double chi_square = 0;
    for (const auto& [key, drawn] : counts) chi_square += (drawn - 50.0) * (drawn - 50.0) / 50;
    const double freedom = static_cast<double>(count) - 1;
    EXPECT_LT(chi_square, freedom + 5 * std::sqrt(2 * freedom));
    EXPECT_GT(chi_square, freedom - 5 * std::sqrt(2 * freedom)) << "too even to be random";
  }
};

TEST_F(SamplingTest, UniformOverManySlots) {
  Make(EvictionKind::kRandom);
  Fill(3000, kSlots);
  ExpectUniform();
}

TEST_F(SamplingTest, UniformWhenMostTablesAreEmpty) {
  Make(EvictionKind::kRandom);
  Fill(1000, 3);
  ExpectUniform();
}

TEST_F(SamplingTest, UniformWhenOneSlotHasNearlyAll) {
  Make(EvictionKind::kRandom);
  Fill(2000, 1);
  for (int i = 0; i < 100; ++i) {
    Put("elsewhere" + std::to_string(i), 20, kNever, 1 + static_cast<uint32_t>(i) * 101);
  }
  ExpectUniform();
}

TEST_F(SamplingTest, UniformAfterMostEntriesAreGone) {
  Make(EvictionKind::kRandom);
  Fill(20000, 50);
  for (int i = 0; i < 20000; ++i) {
    const std::string key = "key" + std::to_string(i);
    if (i % 50 != 0) Remove(key, static_cast<uint32_t>(TestHash(key)) % 50);
  }
  ASSERT_EQ(store_->count(), 400u);
  ExpectUniform();
}

TEST_F(SamplingTest, UnderScopeTtlUniformOverThoseThatExpire) {
  Make(EvictionKind::kRandom, EvictionScope::kKeysWithTtl);
  Fill(3000, 100);
  for (int i = 0; i < 1000; ++i) {
    Put("ttl" + std::to_string(i), 20, now_ + Millis(1'000'000), static_cast<uint32_t>(i) % 100);
  }
  ExpectUniform();
}

TEST_F(SamplingTest, UnderScopeTtlFindsTheFewAmongMany) {
  Make(EvictionKind::kRandom, EvictionScope::kKeysWithTtl);
  Fill(20000, 1000);
  for (int i = 0; i < 20; ++i) {
    Put("ttl" + std::to_string(i), 20, now_ + Millis(1'000'000), static_cast<uint32_t>(i));
  }
  std::set<std::string> found;
  for (int i = 0; i < 500; ++i) found.insert(std::string(store_->Victim(now_)->key()));
  EXPECT_EQ(found.size(), 20u);
  EXPECT_EQ(EvictAll().size(), 20u);
}

TEST_F(SamplingTest, ALogThatWasLargeFindsItsLastRecordsInAFewDraws) {
  EntryPools pools;
  EntryLog log(&pools, {});
  std::vector<Location> places;
  for (int i = 0; i < 200'000; ++i) {
    const std::string key = std::to_string(i);
    const EntryShape shape = EntryShape::Of(key.size(), i % 2 == 0 ? 4 : 600, {});
    places.push_back(log.Append(EntryLog::Queue::kFirst, key, 0, shape, now_).at);
  }
  for (size_t i = 0; i < places.size(); ++i) {
    if (i % 50'000 != 7) log.Free(log.At(places[i]));
  }
  // A second generator with the same seed counts the draws.
  Random random(5);
  Random follower(5);
  std::map<std::string, int> counts;
  for (int i = 0; i < 400; ++i) {
    ++counts[std::string(log.RandomLive(random)->key())];
    const uint64_t mark = Random(random).Next();
    int draws = 0;
    while (Random(follower).Next() != mark) {
      follower.Next();
      ASSERT_LT(++draws, 3000);
    }
  }
  ASSERT_EQ(counts.size(), 4u);
  for (const auto& [key, drawn] : counts) EXPECT_NEAR(drawn, 100, 45) << key;
}

}  // namespace
}  // namespace larder::storage
