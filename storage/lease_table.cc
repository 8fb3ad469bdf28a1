#include "storage/lease_table.h"

namespace larder::storage {

const Lease* LeaseTable::FindValid(std::string_view key, TimePoint now) const {
  if (leases_.empty()) return nullptr;
  const auto it = leases_.find(key);
  if (it == leases_.end() || it->second.deadline <= now || IsVoided(it->second)) return nullptr;
  return &it->second;
}

void LeaseTable::Grant(std::string_view key, const Lease& lease) {
  Void(key);
  const auto it = leases_.emplace(std::string(key), lease).first;
  by_deadline_.emplace(lease.deadline, &it->first);
  memory_bytes_ += BytesOf(key.size());
}

void LeaseTable::FindAndErase(std::string_view key) {
  const auto it = leases_.find(key);
  if (it != leases_.end()) Erase(it);
}

void LeaseTable::VoidSlot(uint32_t slot, uint64_t number) {
  if (leases_.empty()) return;
  voided_[slot] = {number, walk_ + 1};
}

size_t LeaseTable::RemoveDue(TimePoint now, size_t removals_max, bool* more) {
  size_t removed = 0;
  while (removed < removals_max && !by_deadline_.empty() && by_deadline_.begin()->first <= now) {
    Erase(leases_.find(*by_deadline_.begin()->second));
    ++removed;
  }
  if (!voided_.empty()) removed += RemoveVoided(removals_max - removed);
  *more = removed == removals_max || !voided_.empty();
  return removed;
}

size_t LeaseTable::RemoveVoided(size_t removals_max) {
  constexpr size_t kVisitsMax = 256;
  if (!is_walking_) {
    is_walking_ = true;
    ++walk_;
    walked_to_ = {TimePoint::min(), nullptr};
  }
  size_t removed = 0;
  auto it = by_deadline_.lower_bound(walked_to_);
  for (size_t visits = 0; it != by_deadline_.end(); ++visits) {
    if (visits == kVisitsMax || removed == removals_max) {
      walked_to_ = *it;
      return removed;
    }
    const auto lease = leases_.find(*it->second);
    ++it;
    if (!IsVoided(lease->second)) continue;
    Erase(lease);
    ++removed;
  }
  is_walking_ = false;
  absl::erase_if(voided_, [this](const auto& slot) { return slot.second.walk <= walk_; });
  return removed;
}

void LeaseTable::Erase(Map::iterator it) {
  by_deadline_.erase({it->second.deadline, &it->first});
  memory_bytes_ -= BytesOf(it->first.size());
  leases_.erase(it);
}

}  // namespace larder::storage
