#include "storage/slot_table.h"

#include <algorithm>
#include <utility>

namespace larder::storage {

Entry* SlotTable::Find(uint64_t hash, std::string_view key) const {
  if (count_ == 0) return nullptr;
  for (size_t i = HomeOf(hash); cells_[i].entry != nullptr && cells_[i].hash <= hash; ++i) {
    if (cells_[i].hash == hash && cells_[i].entry->key() == key) return cells_[i].entry;
  }
  return nullptr;
}

void SlotTable::Insert(uint64_t hash, Entry* entry) {
  if (count_ + 1 > CountMax(bits_)) {
    const auto bits = static_cast<uint8_t>(bits_ + 1);
    Rebuild(bits, LengthFor(bits));
  }
  while (!TryInsert(hash, entry)) {
    // The end is crowded: more cells there, not more homes, so that keys made to collide cannot
    // blow the table up.
    Rebuild(bits_, length_ + length_ / 4 + 1);
  }
}

bool SlotTable::TryInsert(uint64_t hash, Entry* entry) {
  size_t place = HomeOf(hash);
  while (cells_[place].entry != nullptr && cells_[place].hash <= hash) ++place;
  size_t gap = place;
  while (cells_[gap].entry != nullptr) ++gap;
  if (gap + 1 >= length_) return false;
  std::move_backward(&cells_[place], &cells_[gap], &cells_[gap + 1]);
  cells_[place] = {hash, entry};
  ++count_;
  return true;
}

void SlotTable::Erase(uint64_t hash, const Entry* entry) {
  size_t i = IndexOf(hash, entry);
  for (; cells_[i + 1].entry != nullptr && HomeOf(cells_[i + 1].hash) <= i; ++i) {
    cells_[i] = cells_[i + 1];
  }
  cells_[i] = Cell();
  --count_;
  if (count_ == 0) {
    Clear();
  } else if (bits_ > 1 && count_ < CapacityOf(bits_) / 8) {
    const auto bits = static_cast<uint8_t>(bits_ - 1);
    Rebuild(bits, LengthFor(bits));
  }
}

void SlotTable::Clear() {
  cells_.reset();
  length_ = 0;
  count_ = 0;
  bits_ = 0;
}

void SlotTable::Replace(uint64_t hash, const Entry* old_entry, Entry* new_entry) {
  cells_[IndexOf(hash, old_entry)].entry = new_entry;
}

size_t SlotTable::IndexOf(uint64_t hash, const Entry* entry) const {
  size_t i = HomeOf(hash);
  while (cells_[i].entry != entry) ++i;
  return i;
}

size_t SlotTable::LowerBound(uint64_t hash) const {
  if (count_ == 0) return length_;
  size_t i = HomeOf(hash);
  while (cells_[i].entry != nullptr && cells_[i].hash < hash) ++i;
  return i;
}

size_t SlotTable::Occupied(size_t index) const {
  while (index < length_ && cells_[index].entry == nullptr) ++index;
  return index;
}

uint64_t SlotTable::growth_bytes() const {
  if (count_ + 1 <= CountMax(bits_)) return 0;
  const uint64_t grown = BytesOf(LengthFor(static_cast<uint8_t>(bits_ + 1)));
  return grown > memory_bytes() ? grown - memory_bytes() : 0;
}

void SlotTable::Rebuild(uint8_t bits, size_t length) {
  const std::unique_ptr<Cell[]> old_cells = std::move(cells_);
  const size_t old_length = length_;
  bits_ = bits;
  for (;;) {
    cells_ = std::make_unique<Cell[]>(length);
    length_ = static_cast<uint32_t>(length);
    size_t next = 0;  // first cell that is free; the old cells come in order
    for (size_t i = 0; i < old_length && next < length; ++i) {
      if (old_cells[i].entry == nullptr) continue;
      const size_t place = std::max(next, HomeOf(old_cells[i].hash));
      next = place + 1;
      if (next < length) cells_[place] = old_cells[i];
    }
    if (next < length) return;
    length += length / 4 + 1;
  }
}

}  // namespace larder::storage
