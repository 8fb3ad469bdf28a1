#include "storage/entry_store.h"

namespace larder::storage {
namespace {

std::unique_ptr<EvictionPolicy> MakePolicy(EvictionPolicyOptions options,
                                           const ExpiryIndex* expiry) {
  options.expiry = expiry;
  return MakeEvictionPolicy(options);
}

}  // namespace

EntryStore::EntryStore(const EntryStoreOptions& options)
    : stripes_(options.stripes),
      scope_(options.scope),
      policy_(MakePolicy(options.eviction, &expiry_)),
      tables_(kSlots / options.stripes) {}

EntryStore::~EntryStore() {
  for (const SlotTable& table : tables_) {
    for (size_t i = table.Occupied(0); i < table.end(); i = table.Occupied(i + 1)) {
      Entry::Destroy(table.entry_at(i));
    }
  }
}

uint64_t EntryStore::CreateCost(const HashedKey& key, size_t value_bytes,
                                TimePoint expires_at) const {
  return Entry::PredictedBytes(key.key.size(), value_bytes) + TableOf(key.slot).growth_bytes() +
         IndexCost(/*in_expiry=*/false, /*in_policy=*/false, expires_at);
}

uint64_t EntryStore::ResizeCost(const Entry& entry, size_t value_bytes,
                                TimePoint expires_at) const {
  const bool in_expiry = entry.expiry_index != Entry::kNotIndexed;
  uint64_t cost = IndexCost(in_expiry, entry.in_policy, expires_at);
  if (!entry.Fits(value_bytes)) {
    const uint64_t wanted = Entry::PredictedBytes(entry.key_bytes, value_bytes);
    const uint64_t freed = entry.AllocatedBytes();
    if (wanted > freed) cost += wanted - freed;
  }
  return cost;
}

uint64_t EntryStore::IndexCost(bool in_expiry, bool in_policy, TimePoint expires_at) const {
  uint64_t cost = 0;
  if (!in_expiry && expires_at != kNever) cost += expiry_.growth_bytes();
  if (!in_policy && Evictable(expires_at)) cost += policy_->growth_bytes();
  return cost;
}

Entry& EntryStore::Create(const HashedKey& key, size_t value_bytes, TimePoint expires_at,
                          TimePoint now) {
  Entry* entry = Entry::Create(key.key, key.slot, value_bytes);
  SlotTable& table = TableOf(key.slot);
  table_bytes_ -= table.memory_bytes();
  table.Insert(key.hash, entry);
  table_bytes_ += table.memory_bytes();
  AddEntryBytes(key.slot, entry->AllocatedBytes());
  ++count_;
  SetExpiry(*entry, expires_at, now);
  return *entry;
}

Entry& EntryStore::Resize(Entry& entry, uint64_t hash, size_t value_bytes) {
  if (entry.Fits(value_bytes)) {
    entry.value_bytes = static_cast<uint32_t>(value_bytes);
    return entry;
  }
  Entry* moved = Entry::CopyResized(entry, value_bytes);
  TableOf(entry.slot).Replace(hash, &entry, moved);
  expiry_.Moved(*moved);
  if (moved->in_policy) policy_->Moved(entry, *moved);
  AddEntryBytes(moved->slot, moved->AllocatedBytes());
  SubtractEntryBytes(entry.slot, entry.AllocatedBytes());
  Entry::Destroy(&entry);
  return *moved;
}

void EntryStore::SetExpiry(Entry& entry, TimePoint expires_at, TimePoint now) {
  entry.expires_at = expires_at;
  expiry_.Update(entry);
  const bool evictable = Evictable(expires_at);
  if (evictable == entry.in_policy) return;
  entry.in_policy = evictable;
  if (evictable) {
    policy_->Inserted(entry, now);
  } else {
    policy_->Removed(entry);
  }
}

void EntryStore::Renewed(Entry& entry, TimePoint now) {
  if (!entry.in_policy) return;
  policy_->Removed(entry);
  policy_->Inserted(entry, now);
}

void EntryStore::Remove(Entry& entry) {
  Forget(entry);
  SlotTable& table = TableOf(entry.slot);
  table_bytes_ -= table.memory_bytes();
  table.Erase(HashKey(entry.key()), &entry);
  table_bytes_ += table.memory_bytes();
  Entry::Destroy(&entry);
}

uint64_t EntryStore::RemoveSlot(uint32_t slot) {
  SlotTable& table = TableOf(slot);
  const uint64_t removed = table.size();
  for (size_t i = table.Occupied(0); i < table.end(); i = table.Occupied(i + 1)) {
    Forget(*table.entry_at(i));
    Entry::Destroy(table.entry_at(i));
  }
  table_bytes_ -= table.memory_bytes();
  table.Clear();
  return removed;
}

void EntryStore::Forget(Entry& entry) {
  expiry_.Remove(entry);
  if (entry.in_policy) policy_->Removed(entry);
  SubtractEntryBytes(entry.slot, entry.AllocatedBytes());
  --count_;
}

void EntryStore::AddEntryBytes(uint32_t slot, uint64_t bytes) {
  entry_bytes_ += bytes;
  TableOf(slot).entry_bytes += bytes;
}

void EntryStore::SubtractEntryBytes(uint32_t slot, uint64_t bytes) {
  entry_bytes_ -= bytes;
  TableOf(slot).entry_bytes -= bytes;
}

}  // namespace larder::storage
