#ifndef LARDER_STORAGE_ENTRY_STORE_H_
#define LARDER_STORAGE_ENTRY_STORE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "storage/entry.h"
#include "storage/eviction_policy.h"
#include "storage/expiry_index.h"
#include "storage/hashed_key.h"
#include "storage/operations.h"
#include "storage/slot_table.h"
#include "storage/time.h"

namespace larder::storage {

struct EntryStoreOptions {
  uint32_t stripes = 1;  // slot tables of this store: kSlots / stripes
  EvictionScope scope = EvictionScope::kAllKeys;
  EvictionPolicyOptions eviction;  // `expiry` is set by the store
};

// The entries of one stripe: owns them and keeps slot tables, expiry index and eviction policy in
// step. Knows nothing of conditions, leases or budgets; says what a change will cost and what is in
// use. Not thread-safe. A reference to an entry holds until the next Create, Resize or Remove.
class EntryStore {
 public:
  explicit EntryStore(const EntryStoreOptions& options);
  ~EntryStore();
  EntryStore(const EntryStore&) = delete;
  EntryStore& operator=(const EntryStore&) = delete;

  // Expired and stale entries too.
  Entry* Find(const HashedKey& key) const { return TableOf(key.slot).Find(key.hash, key.key); }

  // By how many bytes, at most, a Create or Resize to this size raises used_bytes.
  uint64_t CreateCost(const HashedKey& key, size_t value_bytes, TimePoint expires_at) const;
  uint64_t ResizeCost(const Entry& entry, size_t value_bytes, TimePoint expires_at) const;

  // A new entry; its value is not initialised. REQUIRES: there is none with this key.
  Entry& Create(const HashedKey& key, size_t value_bytes, TimePoint expires_at, TimePoint now);
  // Makes room for a value of this size, keeping the common head; the entry may move.
  Entry& Resize(Entry& entry, uint64_t hash, size_t value_bytes);
  void SetExpiry(Entry& entry, TimePoint expires_at, TimePoint now);
  void Remove(Entry& entry);
  // Returns how many entries there were.
  uint64_t RemoveSlot(uint32_t slot);

  // The entry was read or overwritten.
  void Accessed(Entry& entry, TimePoint now) {
    if (entry.in_policy) policy_->Accessed(entry, now);
  }
  // An entry that was dead is written again: to the policy it is new.
  void Renewed(Entry& entry, TimePoint now);

  Entry* Victim(TimePoint now) { return policy_->Victim(now); }
  Entry* SoonestToExpire() const { return expiry_.Soonest(); }
  const EvictionPolicy& policy() const { return *policy_; }
  // REQUIRES: the slot belongs to this stripe.
  const SlotTable& TableOf(uint32_t slot) const { return tables_[slot / stripes_]; }

  uint64_t count() const { return count_; }
  uint64_t entry_bytes() const { return entry_bytes_; }
  uint64_t table_bytes() const { return table_bytes_; }
  uint64_t policy_bytes() const { return policy_->memory_bytes(); }
  uint64_t expiry_bytes() const { return expiry_.memory_bytes(); }
  uint64_t used_bytes() const {
    return entry_bytes_ + table_bytes_ + policy_bytes() + expiry_bytes();
  }
  // Memory that does not depend on the entries.
  uint64_t fixed_bytes() const { return tables_.size() * sizeof(SlotTable); }

 private:
  SlotTable& TableOf(uint32_t slot) { return tables_[slot / stripes_]; }
  bool Evictable(TimePoint expires_at) const {
    return scope_ == EvictionScope::kAllKeys || expires_at != kNever;
  }
  uint64_t IndexCost(bool in_expiry, bool in_policy, TimePoint expires_at) const;
  // Takes the entry out of the indexes.
  void Forget(Entry& entry);
  void AddEntryBytes(uint32_t slot, uint64_t bytes);
  void SubtractEntryBytes(uint32_t slot, uint64_t bytes);

  const uint32_t stripes_;
  const EvictionScope scope_;
  ExpiryIndex expiry_;
  std::unique_ptr<EvictionPolicy> policy_;
  std::vector<SlotTable> tables_;
  uint64_t count_ = 0;
  uint64_t entry_bytes_ = 0;
  uint64_t table_bytes_ = 0;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_ENTRY_STORE_H_
