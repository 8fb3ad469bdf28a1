#include "storage/shared_values.h"

#include "storage/entry.h"
#include "storage/unit_pool.h"

namespace larder::storage {
namespace {

uint64_t ApartBytes(const Entry& entry) {
  return ValueParts::Of(entry.value_bytes()).apart_bytes();
}

}  // namespace

void SharedValues::Begin(uint64_t bytes_max) {
  const MutexLock lock(mutex_);
  order_.resize(bytes_max / kValueBytesMin);
  first_ = 0;
  values_.reserve(2 * order_.size());  // so that it never grows, whatever was erased
}

bool SharedValues::Share(const Entry& entry, uint64_t sequence) {
  const MutexLock lock(mutex_);
  if (values_.size() == order_.size()) return false;
  const char* const first_part = entry.part(0);
  const auto [it, is_new] = values_.try_emplace(first_part);
  if (!is_new) return false;
  it->second.sequence = sequence;
  it->second.bytes = ApartBytes(entry);
  order_[(first_ + values_.size() - 1) % order_.size()] = {sequence, first_part};
  // Whoever asks for this entry has the lock of its stripe, as this thread has.
  is_any_.store(true, std::memory_order_relaxed);
  return true;
}

bool SharedValues::Finds(const Entry& entry) const {
  if (entry.value_bytes() < kValueBytesMin) return false;
  const MutexLock lock(mutex_);
  return values_.contains(entry.part(0));
}

bool SharedValues::TakeOverParts(const Entry& entry) {
  if (entry.value_bytes() < kValueBytesMin) return false;
  const MutexLock lock(mutex_);
  const auto it = values_.find(entry.part(0));
  if (it == values_.end()) return false;
  const ValueParts parts = ValueParts::Of(entry.value_bytes());
  Parts& held = it->second.parts;
  held.blocks.reserve(parts.blocks);
  held.pages.reserve(parts.pages);
  for (size_t i = 0; i < parts.count(); ++i) {
    (i < parts.blocks ? held.blocks : held.pages).push_back(entry.part(i));
  }
  held_bytes_.fetch_add(it->second.bytes, std::memory_order_relaxed);
  return true;
}

void SharedValues::Pass(uint64_t sequence) {
  std::vector<Parts> passed;
  {
    const MutexLock lock(mutex_);
    while (!values_.empty() && order_[first_].sequence < sequence) {
      const auto it = values_.find(order_[first_].first_part);
      first_ = (first_ + 1) % order_.size();
      Parts& parts = it->second.parts;
      if (!parts.blocks.empty() || !parts.pages.empty()) {
        held_bytes_.fetch_sub(it->second.bytes, std::memory_order_relaxed);
        passed.push_back(std::move(parts));
      }
      values_.erase(it);
    }
    // Of what is shared meanwhile by a stripe that this thread has not locked is nothing said.
    if (values_.empty()) is_any_.store(false, std::memory_order_relaxed);
  }
  for (const Parts& parts : passed) {
    if (!parts.blocks.empty()) blocks_.Free(parts.blocks.size(), parts.blocks.data());
    if (!parts.pages.empty()) pages_.Free(parts.pages.size(), parts.pages.data());
  }
}

}  // namespace larder::storage
