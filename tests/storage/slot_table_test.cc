#include "storage/slot_table.h"

#include <map>
#include <string>

#include "gtest/gtest.h"
#include "storage/key_hash.h"
#include "storage/random.h"

namespace larder::storage {
namespace {

// A table beside a std::map, with a hash of choice.
class TableModel {
 public:
  explicit TableModel(uint64_t (*hash)(const std::string&)) : hash_(hash) {}
  ~TableModel() {
    for (auto& [order, entry] : model_) Entry::Destroy(entry);
  }

  void Insert(const std::string& key) {
    if (Find(key) != nullptr) return;
    Entry* entry = Entry::Create(key, 0, 0);
    table_.Insert(hash_(key), entry);
    model_[{hash_(key), key}] = entry;
  }
  void Erase(const std::string& key) {
    Entry* entry = Find(key);
    if (entry == nullptr) return;
    table_.Erase(hash_(key), entry);
    model_.erase({hash_(key), key});
    Entry::Destroy(entry);
  }
  Entry* Find(const std::string& key) { return table_.Find(hash_(key), key); }

  void Check() {
    ASSERT_EQ(table_.size(), model_.size());
    for (const auto& [order, entry] : model_) {
      ASSERT_EQ(table_.Find(order.first, order.second), entry);
    }
    // The walk is in the order of the hash and complete, from any hash.
    uint64_t last = 0;
    size_t seen = 0;
    for (size_t i = table_.Occupied(0); i < table_.end(); i = table_.Occupied(i + 1), ++seen) {
      ASSERT_LE(last, table_.hash_at(i));
      last = table_.hash_at(i);
    }
    ASSERT_EQ(seen, model_.size());
  }
  void CheckWalkFrom(uint64_t hash) {
    size_t expected = 0;
    for (const auto& [order, entry] : model_) expected += order.first >= hash ? 1 : 0;
    size_t seen = 0;
    for (size_t i = table_.Occupied(table_.LowerBound(hash)); i < table_.end();
         i = table_.Occupied(i + 1)) {
      ASSERT_GE(table_.hash_at(i), hash);
      ++seen;
    }
    ASSERT_EQ(seen, expected);
  }

  SlotTable table_;

 private:
  uint64_t (*hash_)(const std::string&);
  std::map<std::pair<uint64_t, std::string>, Entry*> model_;
};

void RunAgainstModel(uint64_t (*hash)(const std::string&), uint64_t keys, int steps) {
  TableModel model(hash);
  Random random(42);
  for (int step = 0; step < steps; ++step) {
    const std::string key = std::to_string(random.Below(keys));
    // Phases of growth and of decline.
    if (random.Below(10) < (step / 1000 % 2 == 0 ? 8u : 2u)) {
      model.Insert(key);
    } else {
      model.Erase(key);
    }
    if (step % 97 == 0) {
      model.Check();
      model.CheckWalkFrom(random.Next());
    }
  }
}

TEST(SlotTableTest, BehavesAsAMapWithGoodHashes) {
  RunAgainstModel([](const std::string& key) { return HashKey(key); }, 600, 20000);
}

TEST(SlotTableTest, BehavesAsAMapWhenAllHomesCollide) {
  RunAgainstModel([](const std::string& key) { return HashKey(key) & 0xffff; }, 300, 10000);
  RunAgainstModel([](const std::string&) { return uint64_t{7}; }, 100, 5000);
  RunAgainstModel([](const std::string&) { return ~uint64_t{0}; }, 100, 5000);
  RunAgainstModel([](const std::string& key) { return HashKey(key) | 0xffffffffffff0000; }, 300,
                  10000);
}

TEST(SlotTableTest, CollidingKeysCannotBlowItUp) {
  TableModel model([](const std::string&) { return ~uint64_t{0}; });
  for (int i = 0; i < 1000; ++i) model.Insert(std::to_string(i));
  EXPECT_LT(model.table_.memory_bytes(), 1000u * 16 * 8);
}

TEST(SlotTableTest, SaysBeforehandHowItGrowsAndReturnsAllWhenEmpty) {
  TableModel model([](const std::string& key) { return HashKey(key); });
  uint64_t unforeseen = 0;
  for (int i = 0; i < 5000; ++i) {
    const uint64_t expected = model.table_.memory_bytes() + model.table_.growth_bytes();
    model.Insert(std::to_string(i));
    if (model.table_.memory_bytes() > expected) ++unforeseen;
  }
  EXPECT_LT(unforeseen, 30u) << "only a crowded end grows without notice";
  EXPECT_LT(model.table_.memory_bytes(), 5000u * 16 * 3);
  for (int i = 0; i < 5000; ++i) model.Erase(std::to_string(i));
  EXPECT_EQ(model.table_.memory_bytes(), 0u);
}

}  // namespace
}  // namespace larder::storage
