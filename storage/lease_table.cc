#include "storage/lease_table.h"

namespace larder::storage {

const Lease* LeaseTable::FindValid(std::string_view key, TimePoint now) const {
  if (leases_.empty()) return nullptr;
  const auto it = leases_.find(key);
  return it != leases_.end() && now < it->second.deadline ? &it->second : nullptr;
}

void LeaseTable::Grant(std::string_view key, const Lease& lease) {
  Void(key);
  const auto it = leases_.emplace(std::string(key), lease).first;
  by_deadline_.emplace(lease.deadline, &it->first);
  memory_bytes_ += BytesOf(key.size());
}

void LeaseTable::Void(std::string_view key) {
  if (leases_.empty()) return;
  const auto it = leases_.find(key);
  if (it != leases_.end()) Erase(it);
}

size_t LeaseTable::RemoveDue(TimePoint now, size_t removals_max) {
  size_t removed = 0;
  while (removed < removals_max && !by_deadline_.empty() && by_deadline_.begin()->first <= now) {
    Erase(leases_.find(*by_deadline_.begin()->second));
    ++removed;
  }
  return removed;
}

void LeaseTable::RemoveSlot(uint32_t slot) {
  for (auto it = leases_.begin(); it != leases_.end();) {
    const auto next = std::next(it);
    if (it->second.slot == slot) Erase(it);
    it = next;
  }
}

void LeaseTable::Clear() {
  by_deadline_.clear();
  leases_.clear();
  memory_bytes_ = 0;
}

void LeaseTable::Erase(Map::iterator it) {
  by_deadline_.erase({it->second.deadline, &it->first});
  memory_bytes_ -= BytesOf(it->first.size());
  leases_.erase(it);
}

}  // namespace larder::storage
