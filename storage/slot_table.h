#ifndef LARDER_STORAGE_SLOT_TABLE_H_
#define LARDER_STORAGE_SLOT_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "storage/entry.h"

namespace larder::storage {

// The hash table of one slot: linear probing with the cells kept in the order of the hash.
// Invariants: a cell's home rises with its hash (the hash's top bits), an entry stands at or after
// its home with no gap between, cells never wrap around, and the last cell stays empty. So a walk
// from any hash onwards is a walk over the array, whatever size the table has at the time.
// Not thread-safe. Entries are not owned. Source of the ordering: Amble and Knuth, "Ordered Hash
// Tables", 1974.
class SlotTable {
 public:
  Entry* Find(uint64_t hash, std::string_view key) const;
  // REQUIRES: no entry with this key is in the table.
  void Insert(uint64_t hash, Entry* entry);
  // REQUIRES: the entry is in the table.
  void Erase(uint64_t hash, const Entry* entry);
  void Clear();
  void Replace(uint64_t hash, const Entry* old_entry, Entry* new_entry);

  // Walks cells in the order of the hash: `for (i = LowerBound(h); (i = Occupied(i)) < end();
  // ++i)`.
  size_t LowerBound(uint64_t hash) const;
  size_t Occupied(size_t index) const;
  size_t end() const { return length_; }
  uint64_t hash_at(size_t index) const { return cells_[index].hash; }
  Entry* entry_at(size_t index) const { return cells_[index].entry; }

  uint32_t size() const { return count_; }
  uint64_t memory_bytes() const { return BytesOf(length_); }
  // By how much the next Insert grows the table, apart from rare room for a crowded end.
  uint64_t growth_bytes() const;

  // Sum of the allocations of the slot's entries, kept by the owner.
  uint64_t entry_bytes = 0;

 private:
  struct Cell {
    uint64_t hash = 0;
    Entry* entry = nullptr;
  };
  static constexpr uint64_t kAllocationBytes = 16;  // the allocator's own, about

  static uint64_t BytesOf(size_t length) {
    return length == 0 ? 0 : length * sizeof(Cell) + kAllocationBytes;
  }
  static size_t CapacityOf(uint8_t bits) { return bits == 0 ? 0 : size_t{1} << bits; }
  static size_t LengthFor(uint8_t bits) { return CapacityOf(bits) + bits + 1; }
  static size_t CountMax(uint8_t bits) { return CapacityOf(bits) * 3 / 4; }

  size_t HomeOf(uint64_t hash) const { return hash >> (64 - bits_); }
  size_t IndexOf(uint64_t hash, const Entry* entry) const;
  bool TryInsert(uint64_t hash, Entry* entry);
  // Lays the cells out anew, with at least `length` of them.
  void Rebuild(uint8_t bits, size_t length);

  std::unique_ptr<Cell[]> cells_;
  uint32_t length_ = 0;
  uint32_t count_ = 0;
  uint8_t bits_ = 0;  // log2 of the number of homes; 0: no cells
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_SLOT_TABLE_H_
