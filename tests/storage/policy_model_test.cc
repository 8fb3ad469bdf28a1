// Policies that are exact, over random operations, against plain lists.

#include <algorithm>
#include <list>
#include <map>

#include "storage/eviction/ghost_filter.h"
#include "storage/random.h"
#include "tests/storage/store_fixture.h"

namespace larder::storage {
namespace {

// What the model knows of an entry.
struct Item {
  std::string key;
  size_t value_bytes = 0;
  int uses = 0;
};
using Items = std::list<Item>;

Items::iterator FindIn(Items& items, const std::string& key) {
  return std::find_if(items.begin(), items.end(), [&](const Item& i) { return i.key == key; });
}

// The queue or queues of a policy, oldest first.
class PolicyModel {
 public:
  virtual ~PolicyModel() = default;
  virtual void Created(const Item& item) = 0;
  // `moves`: its record was written anew.
  virtual void Used(const std::string& key, size_t value_bytes, bool moves) = 0;
  virtual void Removed(const std::string& key) = 0;
  virtual std::string Victim() = 0;
};

class ListModel : public PolicyModel {
 public:
  explicit ListModel(bool by_use) : by_use_(by_use) {}
  void Created(const Item& item) override { items_.push_back(item); }
  void Used(const std::string& key, size_t, bool) override {
    if (by_use_) items_.splice(items_.end(), items_, FindIn(items_, key));
  }
  void Removed(const std::string& key) override { items_.erase(FindIn(items_, key)); }
  std::string Victim() override { return items_.front().key; }

 private:
  const bool by_use_;
  Items items_;
};

class SieveModel : public PolicyModel {
 public:
  void Created(const Item& item) override { items_.push_back(item); }
  void Used(const std::string& key, size_t, bool) override { FindIn(items_, key)->uses = 1; }
  void Removed(const std::string& key) override {
    const auto it = FindIn(items_, key);
    if (it == hand_) ++hand_;
    items_.erase(it);
  }
  std::string Victim() override {
    if (hand_ == items_.end()) hand_ = items_.begin();
    while (hand_->uses > 0) {
      hand_->uses = 0;
      if (++hand_ == items_.end()) hand_ = items_.begin();
    }
    return hand_->key;
  }

 private:
  Items items_;
  Items::iterator hand_ = items_.end();
};

// Has the same memory of ghosts, which may take one key for another.
class S3FifoModel : public PolicyModel {
 public:
  void Created(const Item& item) override {
    const bool is_ghost = ghosts_ != nullptr && ghosts_->Remove(TestHash(item.key));
    (is_ghost ? main_ : small_).push_back(item);
  }
  void Used(const std::string& key, size_t value_bytes, bool moves) override {
    Items& queue = QueueOf(key);
    const auto it = FindIn(queue, key);
    it->uses = std::min(it->uses + 1, 3);
    it->value_bytes = value_bytes;
    if (moves) queue.splice(queue.end(), queue, it);
  }
  void Removed(const std::string& key) override {
    Items& queue = QueueOf(key);
    queue.erase(FindIn(queue, key));
  }
  std::string Victim() override {
    uint64_t moved_bytes = 0;
    for (int moves = 0; moves < 64 && moved_bytes < 128 * 1024; ++moves) {
      Items& from = QueueToEvict();
      Item& oldest = from.front();
      const bool is_small = &from == &small_;
      if (oldest.uses < (is_small ? 2 : 1)) {
        if (is_small) Remember(oldest.key);
        return oldest.key;
      }
      oldest.uses = is_small ? 0 : oldest.uses - 1;
      moved_bytes += RecordBytes(oldest);
      main_.splice(main_.end(), from, from.begin());
    }
    return QueueToEvict().front().key;
  }

 private:
  Items& QueueOf(const std::string& key) {
    return FindIn(small_, key) != small_.end() ? small_ : main_;
  }
  void Remember(const std::string& key) {
    const uint64_t wanted = (small_.size() + main_.size()) / 10 * 9;
    if (ghosts_ == nullptr || wanted > ghosts_->capacity() * 5 / 4) {
      ghosts_ = std::make_unique<GhostFilter>(wanted);
    }
    ghosts_->Add(TestHash(key));
  }
  Items& QueueToEvict() {
    const uint64_t main = Bytes(main_);
    return !small_.empty() && main <= (Bytes(small_) + main) / 10 * 9 ? small_ : main_;
  }
  static uint64_t RecordBytes(const Item& item) {
    return EntryShape::Of(item.key.size(), item.value_bytes, {}).RecordBytes(0) +
           (item.value_bytes == 200 ? 6 : 0);
  }
  static uint64_t Bytes(const Items& items) {
    uint64_t bytes = 0;
    for (const Item& item : items) {
      bytes += RecordBytes(item) + ValueParts::Of(item.value_bytes).apart_bytes();
    }
    return bytes;
  }

  Items small_;
  Items main_;
  std::unique_ptr<GhostFilter> ghosts_;
};

class PolicyModelTest : public StoreTest {
 protected:
  enum class Records { kOfAnyLength, kOfOneLength };

  // Some hundred entries; their records move all the time, since most changes make a new one.
  void Run(EvictionKind kind, PolicyModel& model, uint64_t seed,
           Records records = Records::kOfAnyLength) {
    SCOPED_TRACE("LARDER_SEED=" + std::to_string(seed));
    Random random(seed);
    Make(kind);
    for (int step = 0; step < 20000 && !HasFailure(); ++step) {
      const size_t wanted = step / 2000 % 2 == 0 ? 400 : 100;
      const uint64_t choice = random.Below(10);
      if (sizes_.empty() || (choice < 3 && sizes_.size() < wanted)) {
        const std::string key = "key" + std::to_string(1000 + random.Below(2000));
        if (sizes_.contains(key)) continue;
        sizes_[key] = SomeBytes(records, random);
        Put(key, sizes_[key], ExpiryFor(records, sizes_[key]));
        model.Created({key, sizes_[key]});
      } else if (choice < 4 || sizes_.size() > wanted) {
        const std::string expected = model.Victim();
        ASSERT_EQ(Evict(), expected) << "step " << step;
        model.Removed(expected);
        sizes_.erase(expected);
      } else if (choice < 5) {
        const std::string key = AnyKey(random);
        Remove(key);
        model.Removed(key);
        sizes_.erase(key);
      } else if (choice < 7) {
        const std::string key = AnyKey(random);
        const size_t value_bytes = SomeBytes(records, random);
        Put(key, value_bytes, ExpiryFor(records, value_bytes));
        model.Used(key, value_bytes, value_bytes != sizes_[key]);
        sizes_[key] = value_bytes;
      } else {
        const std::string key = AnyKey(random);
        Use(key);
        model.Used(key, sizes_[key], false);
      }
    }
    EXPECT_EQ(store_->count(), sizes_.size());
  }

 private:
  // Even, so that a record with another size is another record. Of one length: with an expiry,
  // which takes six bytes, or without.
  static size_t SomeBytes(Records records, Random& random) {
    if (records == Records::kOfOneLength) return random.Below(2) == 0 ? kShort : kShort + 6;
    return 2 * (random.Below(20) == 0 ? random.Below(8000) : random.Below(200));
  }
  static TimePoint ExpiryFor(Records records, size_t value_bytes) {
    const bool expires = records == Records::kOfOneLength && value_bytes == kShort;
    return expires ? TimePoint(Millis(int64_t{1} << 45)) : kNever;
  }
  std::string AnyKey(Random& random) {
    auto it = sizes_.begin();
    std::advance(it, random.Below(sizes_.size()));
    return it->first;
  }
  static constexpr size_t kShort = 200;

  std::map<std::string, size_t> sizes_;
};

TEST_F(PolicyModelTest, LruIsExact) {
  ListModel model(/*by_use=*/true);
  Run(EvictionKind::kLru, model, Seed());
}

TEST_F(PolicyModelTest, FifoIsExact) {
  ListModel model(/*by_use=*/false);
  Run(EvictionKind::kFifo, model, Seed());
}

TEST_F(PolicyModelTest, SieveIsExact) {
  SieveModel model;
  Run(EvictionKind::kSieve, model, Seed());
}

TEST_F(PolicyModelTest, S3FifoIsExact) {
  S3FifoModel model;  // records of other lengths may overtake others, by as much as a segment
  Run(EvictionKind::kS3Fifo, model, Seed(), Records::kOfOneLength);
}

TEST_F(PolicyModelTest, TtlAlwaysTakesOneOfTheSoonest) {
  const uint64_t seed = Seed();
  SCOPED_TRACE("LARDER_SEED=" + std::to_string(seed));
  Random random(seed);
  Make(EvictionKind::kTtl);
  std::map<std::string, TimePoint> model;
  for (int step = 0; step < 30000 && !HasFailure(); ++step) {
    const std::string key = std::to_string(random.Below(step / 3000 % 2 == 0 ? 1000 : 50));
    switch (random.Below(5)) {
      case 0:
        if (model.erase(key) > 0) Remove(key);
        break;
      case 1: {
        TimePoint soonest = kNever;
        for (const auto& [other, expires_at] : model) soonest = std::min(soonest, expires_at);
        const std::string victim = Evict();
        ASSERT_EQ(victim.empty(), model.empty());
        if (victim.empty()) break;
        ASSERT_EQ(model.at(victim), soonest) << "step " << step;
        model.erase(victim);
        break;
      }
      default:
        model[key] = random.Below(4) == 0 ? kNever : TimePoint(Millis(1 + random.Below(100'000)));
        Put(key, random.Below(300), model[key]);
    }
  }
  EXPECT_EQ(store_->count(), model.size());
}

}  // namespace
}  // namespace larder::storage
