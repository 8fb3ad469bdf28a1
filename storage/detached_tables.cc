#include "storage/detached_tables.h"

#include <utility>

namespace larder::storage {

void DetachedTables::Add(uint32_t slot, SlotTable table) {
  count_ += table.size();
  entry_bytes_ += table.entry_bytes;
  memory_bytes_ += kBytesOfOne + table.memory_bytes();
  by_slot_[slot].push_back({std::move(table)});
}

size_t DetachedTables::TablesOf(uint32_t slot) const {
  const auto found = by_slot_.find(slot);
  return found == by_slot_.end() ? 0 : found->second.size();
}

EntryRef DetachedTables::First(uint32_t slot, const EntryReader& entries) const {
  const Detached& first = by_slot_.find(slot)->second.back();
  const size_t cell = first.table.Occupied(first.table.LowerBound(first.removed_to, entries));
  return entries.At(first.table.location_at(cell));
}

void DetachedTables::RemoveFirst(uint32_t slot, uint64_t hash, Location at, uint64_t bytes) {
  const auto found = by_slot_.find(slot);
  Detached& first = found->second.back();
  memory_bytes_ -= first.table.memory_bytes();
  first.table.Erase(hash, at);
  memory_bytes_ += first.table.memory_bytes();
  first.removed_to = hash;
  --count_;
  entry_bytes_ -= bytes;
  if (first.table.size() > 0) return;
  memory_bytes_ -= kBytesOfOne + first.table.memory_bytes();
  found->second.pop_back();
  if (found->second.empty()) by_slot_.erase(found);
}

bool DetachedTables::Replace(uint32_t slot, uint64_t hash, Location from, Location to) {
  const auto found = by_slot_.find(slot);
  if (found == by_slot_.end()) return false;
  for (Detached& detached : found->second) {
    if (!detached.table.Holds(hash, from)) continue;
    detached.table.Replace(hash, from, to);
    return true;
  }
  return false;
}

}  // namespace larder::storage
