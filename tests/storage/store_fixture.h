#ifndef LARDER_TESTS_STORAGE_STORE_FIXTURE_H_
#define LARDER_TESTS_STORAGE_STORE_FIXTURE_H_

#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "storage/entry_store.h"
#include "tests/storage/test_hash.h"

namespace larder::storage {

// The store of one stripe, to look at a policy by itself: nothing is evicted but when a test says
// so. Every call is a millisecond later than the one before.
class StoreTest : public testing::Test {
 protected:
  void Make(EvictionKind kind, EvictionScope scope = EvictionScope::kAllKeys) {
    EntryStoreOptions options;
    options.scope = scope;
    options.eviction.kind = kind;
    store_.reset();
    pools_ = std::make_unique<EntryPools>();
    store_ = std::make_unique<EntryStore>(options, pools_.get(), &TestHasher());
  }

  static HashedKey Hashed(const std::string& key, uint32_t slot) {
    return HashedKey(KeyRef{slot, key}, TestHasher());
  }

  // Creates or overwrites, as a stripe does.
  void Put(const std::string& key, size_t value_bytes = 10, TimePoint expires_at = kNever,
           uint32_t slot = 0) {
    now_ += Millis(1);
    const HashedKey hashed = Hashed(key, slot);
    const EntryFields fields{.expires_at = expires_at};
    EntryRef ref = store_->Find(hashed);
    if (ref) {
      ref = store_->Rewrite(ref, hashed.hash, value_bytes, fields, 0, now_);
      store_->Accessed(ref, now_);
    } else {
      ref = store_->Create(hashed, value_bytes, fields, now_);
    }
    ref->WriteValue(0, std::string(value_bytes, key.back()));
    store_->Tidy();
  }
  void PutAll(int first, int end) {
    for (int i = first; i < end; ++i) Put(std::to_string(i));
  }

  bool Has(const std::string& key, uint32_t slot = 0) {
    return static_cast<bool>(store_->Find(Hashed(key, slot)));
  }

  void Use(const std::string& key, int times = 1) {
    for (int i = 0; i < times; ++i) {
      now_ += Millis(1);
      store_->Accessed(store_->Find(Hashed(key, 0)), now_);
    }
  }

  void Remove(const std::string& key, uint32_t slot = 0) {
    store_->Remove(store_->Find(Hashed(key, slot)));
    store_->Tidy();
  }

  // The key that was evicted, "" if there is none.
  std::string Evict() {
    now_ += Millis(1);
    const EntryRef victim = store_->Victim(now_);
    if (!victim) return "";
    const std::string key(victim->key());
    EXPECT_EQ(store_->Find(Hashed(key, victim->slot())).at, victim.at);
    store_->Remove(victim);
    store_->Tidy();
    return key;
  }
  std::vector<std::string> EvictAll() {
    std::vector<std::string> keys;
    for (std::string key = Evict(); !key.empty(); key = Evict()) keys.push_back(key);
    return keys;
  }

  // A seed that a failure prints. LARDER_SEED=N replays a run.
  static uint64_t Seed() {
    const char* text = std::getenv("LARDER_SEED");
    const uint64_t seed =
        text != nullptr ? std::strtoull(text, nullptr, 10) : std::random_device()();
    std::cout << "LARDER_SEED=" << seed << std::endl;
    return seed;
  }

  TimePoint now_{Millis(1'700'000'000'000)};
  std::unique_ptr<EntryPools> pools_;
  std::unique_ptr<EntryStore> store_;
};

}  // namespace larder::storage

#endif  // LARDER_TESTS_STORAGE_STORE_FIXTURE_H_
