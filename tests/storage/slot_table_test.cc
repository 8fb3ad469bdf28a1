#include "storage/slot_table.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "storage/entry.h"
#include "storage/entry_log.h"
#include "storage/entry_reader.h"
#include "storage/random.h"
#include "tests/storage/colliding_keys.h"
#include "tests/storage/test_hash.h"

namespace larder::storage {
namespace {

constexpr TimePoint kNow{Millis(1'000'000)};

// A table over a log, beside a std::map in the order of (hash, key).
class TableModel {
 public:
  void Insert(const std::string& key) {
    const uint64_t hash = TestHash(key);
    if (model_.contains({hash, key})) return;
    const EntryRef ref =
        log_.Append(EntryLog::Queue::kFirst, key, 0, EntryShape::Of(key.size(), 0, {}), kNow);
    table_.Insert(hash, ref.at, reader_);
    model_[{hash, key}] = ref.at;
  }
  void Erase(const std::string& key) {
    const auto it = model_.find({TestHash(key), key});
    if (it == model_.end()) return;
    table_.Erase(it->first.first, it->second);
    log_.Free(log_.At(it->second));
    model_.erase(it);
  }
  // Moves the entry's record.
  void Move(const std::string& key) {
    const auto it = model_.find({TestHash(key), key});
    if (it == model_.end()) return;
    const EntryRef original = log_.At(it->second);
    const EntryRef copy = log_.AppendCopy(EntryLog::Queue::kFirst, original, kNow);
    table_.Replace(it->first.first, original.at, copy.at);
    log_.FreeMoved(original);
    it->second = copy.at;
  }
  EntryRef Find(const std::string& key) { return table_.Find(TestHash(key), key, log_); }
  const EntryReader& reader() const { return reader_; }
  uint64_t HashAt(size_t index) { return TestHash(log_.At(table_.location_at(index))->key()); }

  void Check() {
    ASSERT_EQ(table_.size(), model_.size());
    for (const auto& [order, at] : model_) {
      ASSERT_EQ(table_.Find(order.first, order.second, log_).at, at);
    }
    CheckWalkFrom(0);
  }
  // The walk is in the order of the whole hash and complete.
  void CheckWalkFrom(uint64_t hash) {
    auto expected = model_.lower_bound({hash, ""});
    for (size_t i = table_.Occupied(table_.LowerBound(hash, reader_)); i < table_.end();
         i = table_.Occupied(i + 1), ++expected) {
      ASSERT_TRUE(expected != model_.end());
      ASSERT_EQ(HashAt(i), expected->first.first);
    }
    ASSERT_TRUE(expected == model_.end());
  }

  SlotTable table_;
  std::map<std::pair<uint64_t, std::string>, Location> model_;

 private:
  EntryPools pools_;
  EntryLog log_{&pools_, {}};
  const EntryReader reader_{&log_, &TestHasher()};
};

TEST(SlotTableTest, BehavesAsAMap) {
  TableModel model;
  Random random(42);
  for (int step = 0; step < 30000; ++step) {
    const std::string key = std::to_string(random.Below(600));
    // Phases of growth and of decline.
    if (random.Below(10) < (step / 1000 % 2 == 0 ? 8u : 2u)) {
      model.Insert(key);
    } else {
      model.Erase(key);
    }
    model.Move(std::to_string(random.Below(600)));
    if (step % 97 == 0) {
      model.Check();
      model.CheckWalkFrom(random.Next());
      ASSERT_FALSE(model.Find("absent"));
    }
  }
}

TEST(SlotTableTest, TiesOfTheTagStandInTheOrderOfTheWholeHash) {
  // Among so many keys some dozens of pairs have the same 28 bits in a cell.
  TableModel model;
  for (int i = 0; i < 200'000; ++i) model.Insert(std::to_string(i));
  std::vector<uint64_t> tied;
  uint64_t last = 0;  // the least of them is far above
  for (const auto& [order, at] : model.model_) {
    if (order.first >> Location::kBits == last >> Location::kBits) tied.push_back(order.first);
    last = order.first;
  }
  ASSERT_GT(tied.size(), 20u) << "else this test tests nothing";
  model.Check();
  for (const uint64_t hash : tied) {
    // From the second of the two on, the first is left out.
    const size_t at = model.table_.Occupied(model.table_.LowerBound(hash, model.reader()));
    ASSERT_EQ(model.HashAt(at), hash);
  }
  for (int i = 0; i < 200'000; i += 3) model.Erase(std::to_string(i));
  for (int i = 0; i < 200'000; i += 5) model.Move(std::to_string(i));
  model.Check();
}

TEST(SlotTableTest, AWalkGoesOnWhereItWasWhateverSizeTheTableHasMeanwhile) {
  TableModel model;
  for (int i = 0; i < 3000; ++i) model.Insert("stays" + std::to_string(i));
  std::map<uint64_t, int> seen;
  uint64_t from = 0;
  for (int round = 0;; ++round) {
    size_t i = model.table_.Occupied(model.table_.LowerBound(from, model.reader()));
    for (int n = 0; n < 10 && i < model.table_.end(); ++n) {
      ++seen[model.HashAt(i)];
      from = model.HashAt(i) + 1;
      i = model.table_.Occupied(i + 1);
    }
    if (i >= model.table_.end()) break;
    for (int n = 0; n < 40; ++n) {
      const std::string key = "goes" + std::to_string(round / 20 * 400 + round % 10 * 40 + n);
      round / 10 % 2 == 0 ? model.Insert(key) : model.Erase(key);
    }
  }
  for (int i = 0; i < 3000; ++i) ASSERT_EQ(seen[TestHash("stays" + std::to_string(i))], 1) << i;
}

TEST(SlotTableTest, SaysBeforehandHowItGrowsAndReturnsAllWhenEmpty) {
  TableModel model;
  uint64_t unforeseen = 0;
  for (int i = 0; i < 20000; ++i) {
    const uint64_t expected =
        model.table_.memory_bytes() + model.table_.growth_bytes(TestHash(std::to_string(i)));
    model.Insert(std::to_string(i));
    if (model.table_.memory_bytes() > expected) ++unforeseen;
    ASSERT_LE(model.table_.memory_bytes(), 8 * (static_cast<uint64_t>(i) * 3 / 2 + 40));
  }
  EXPECT_LT(unforeseen, 50u) << "only a crowded end grows without notice";
  for (int i = 0; i < 20000; ++i) {
    model.Erase(std::to_string(i));
    const auto left = static_cast<uint64_t>(19999 - i);
    ASSERT_LE(model.table_.memory_bytes(), left == 0 ? 0 : 8 * (left * 9 / 4 + 40)) << "shrinks";
  }
}

TEST(SlotTableTest, ALargeTableSplitsAndJoinsAsEntriesComeAndGo) {
  TableModel model;
  const auto keep_to = [&](int entries) {
    for (int i = 0; i < entries; ++i) model.Insert(std::to_string(i));
    for (int i = entries; i < 100'000; ++i) model.Erase(std::to_string(i));
    model.Check();
    Random random(entries);
    for (int i = 0; i < 20; ++i) model.CheckWalkFrom(random.Next());
  };
  for (const int entries : {30'000, 100'000, 60'000, 5000, 4000, 500, 20'000, 1, 0, 10'000}) {
    keep_to(entries);
  }
}

TEST(SlotTableTest, NoInsertionOrRemovalLaysOutMoreThanSomeThousandCells) {
  TableModel model;
  // What one operation changes of the memory is what it laid out anew, at most.
  constexpr uint64_t kBytesMax = 150'000;
  constexpr int kEntries = 300'000;
  uint64_t before = 0;
  const auto expect_small_step = [&] {
    const uint64_t now = model.table_.memory_bytes();
    ASSERT_LT(std::max(now, before) - std::min(now, before), kBytesMax);
    before = now;
  };
  for (int i = 0; i < kEntries; ++i) {
    model.Insert(std::to_string(i));
    expect_small_step();
  }
  ASSERT_GT(model.table_.memory_bytes(), 10 * kBytesMax) << "else this test tests nothing";
  while (!model.model_.empty()) {  // in the order of their hashes, as Flush does
    model.Erase(model.model_.begin()->first.second);
    expect_small_step();
  }
}

TEST(SlotTableTest, EachEntryHasOneNumberForSamples) {
  TableModel model;
  for (const int entries : {0, 1, 100, 20'000}) {
    for (int i = 0; i < entries; ++i) model.Insert(std::to_string(i));
    size_t seen = 0;
    for (size_t i = 0; i < model.table_.sampled_cells(); ++i) {
      seen += model.table_.SampleAt(i) != Location{};
    }
    EXPECT_EQ(seen, model.model_.size());
    EXPECT_EQ(model.table_.SampleAt(model.table_.sampled_cells()), Location{});
  }
}

TEST(SlotTableTest, ProbesStayShortWithKeysThatCollideForEverybody) {
  TableModel model;
  const CollidingKeys keys = CollidingKeys::Public("0123456789abcdef");
  for (int i = 0; i < 20'000; ++i) model.Insert(keys[i]);
  size_t longest = 0;
  for (const auto& [order, at] : model.model_) {
    longest = std::max(longest, model.table_.ProbeLength(order.first));
  }
  EXPECT_LT(longest, 100u);
  EXPECT_GT(longest, 3u) << "else nothing was looked at";
}

TEST(SlotTableTest, VisitsTheEntriesWithOneHash) {
  TableModel model;
  const KeyHasher::Secret secret = KeyHasher::Expand({});
  const CollidingKeys keys("0123456789abcdef",
                           {secret.data() + CollidingKeys::kWordAt, sizeof(uint64_t)});
  for (int i = 0; i < 5000; ++i) model.Insert(std::to_string(i));
  std::set<std::string> expected;
  for (int i = 0; i < 10; ++i) {
    model.Insert(keys[i]);
    expected.insert(keys[i]);
  }
  const auto visited = [&](uint64_t hash) {
    std::set<std::string> found;
    model.table_.VisitEqual(hash, model.reader(),
                            [&](EntryRef ref) { EXPECT_TRUE(found.emplace(ref->key()).second); });
    return found;
  };
  EXPECT_EQ(visited(TestHash(keys[0])), expected);
  EXPECT_EQ(visited(TestHash(keys[0]) + 1), std::set<std::string>{});
  EXPECT_EQ(visited(TestHash(keys[0]) - 1), std::set<std::string>{});
  EXPECT_EQ(visited(TestHash("1234")), std::set<std::string>{"1234"});
  EXPECT_GT(model.table_.ProbeLength(TestHash(keys[0])), 10u);
}

}  // namespace
}  // namespace larder::storage
