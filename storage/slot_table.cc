#include "storage/slot_table.h"

#include <algorithm>
#include <utility>

namespace larder::storage {

void SlotTable::Insert(uint64_t hash, Location at, const EntryReader& entries) {
  if (parts_ == nullptr) {
    only_.Insert(hash, at, entries);
  } else {
    CellTable& table = MutablePartOf(hash);
    parts_->table_bytes -= table.memory_bytes();
    table.Insert(hash, at, entries);
    parts_->table_bytes += table.memory_bytes();
    ++parts_->size;
  }
  if (SplitIsDueAt(size())) SplitNext(entries);
}

void SlotTable::Erase(uint64_t hash, Location at) {
  if (parts_ == nullptr) return only_.Erase(hash, at);
  CellTable& table = MutablePartOf(hash);
  parts_->table_bytes -= table.memory_bytes();
  table.Erase(hash, at);
  parts_->table_bytes += table.memory_bytes();
  --parts_->size;
  if (parts_->size < part_count() * kPartEntriesMin) JoinLast();
}

bool SlotTable::SplitIsDueAt(size_t entries) const {
  return entries > part_count() * kPartEntries &&
         (parts_ == nullptr || parts_->level < CellTable::kPrefixBitsMax);
}

void SlotTable::SplitNext(const EntryReader& entries) {
  if (parts_ == nullptr) {
    parts_ = std::make_unique<Parts>();
    parts_->size = only_.size();
    parts_->table_bytes = only_.memory_bytes();
    parts_->tables.push_back(std::exchange(only_, CellTable()));
  }
  std::vector<CellTable>& tables = parts_->tables;
  const size_t first = 2 * parts_->split;
  parts_->table_bytes -= tables[first].memory_bytes();
  auto [lower, upper] = tables[first].Split(entries);
  parts_->table_bytes += lower.memory_bytes() + upper.memory_bytes();
  tables[first] = std::move(lower);
  tables.insert(tables.begin() + static_cast<ptrdiff_t>(first) + 1, std::move(upper));
  if (++parts_->split == size_t{1} << parts_->level) {
    ++parts_->level;
    parts_->split = 0;
  }
}

void SlotTable::JoinLast() {
  if (parts_->split == 0) {
    --parts_->level;
    parts_->split = size_t{1} << parts_->level;
  }
  --parts_->split;
  std::vector<CellTable>& tables = parts_->tables;
  const size_t first = 2 * parts_->split;
  parts_->table_bytes -= tables[first].memory_bytes() + tables[first + 1].memory_bytes();
  tables[first] = CellTable::Join(std::move(tables[first]), std::move(tables[first + 1]));
  parts_->table_bytes += tables[first].memory_bytes();
  tables.erase(tables.begin() + static_cast<ptrdiff_t>(first) + 1);
  if (tables.size() == 1) {
    only_ = std::move(tables[0]);
    parts_.reset();
  } else if (tables.size() < tables.capacity() / 4) {
    tables.shrink_to_fit();
  }
}

size_t SlotTable::LowerBound(uint64_t hash, const EntryReader& entries) const {
  const size_t index = parts_ == nullptr ? 0 : parts_->IndexOf(hash);
  return index << kCellBits | part(index).LowerBound(hash, entries);
}

size_t SlotTable::Occupied(size_t index) const {
  for (; index < end(); index = ((index >> kCellBits) + 1) << kCellBits) {
    const CellTable& table = part(index >> kCellBits);
    const size_t cell = table.Occupied(index & kCellMask);
    if (cell < table.length()) return index >> kCellBits << kCellBits | cell;
  }
  return end();
}

Location SlotTable::SampleAt(size_t number) const {
  const size_t index = parts_ == nullptr ? 0 : number / kSampledCells;
  const size_t cell = parts_ == nullptr ? number : number % kSampledCells;
  if (index >= part_count() || cell >= part(index).length()) return {};
  return part(index).location_at(cell);
}

uint64_t SlotTable::growth_bytes(uint64_t hash) const {
  const uint64_t growth = PartOf(hash).growth_bytes();
  if (!SplitIsDueAt(size() + 1)) return growth;
  // Both halves get some room.
  if (parts_ == nullptr) {
    return growth + only_.memory_bytes() / 2 + sizeof(Parts) + 2 * sizeof(CellTable);
  }
  const std::vector<CellTable>& tables = parts_->tables;
  const uint64_t list = tables.size() == tables.capacity() ? tables.capacity() : 0;
  return growth + tables[2 * parts_->split].memory_bytes() / 2 + list * sizeof(CellTable);
}

}  // namespace larder::storage
