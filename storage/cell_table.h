#ifndef LARDER_STORAGE_CELL_TABLE_H_
#define LARDER_STORAGE_CELL_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "absl/functional/function_ref.h"
#include "storage/location.h"
#include "storage/prefetch.h"

namespace larder::storage {

class EntryLog;
class EntryReader;

// A hash table of the entries of one slot whose hashes begin with the same bits: linear probing
// with the cells kept in the order of the hash. A cell is seven bytes: a tag, the first 20 bits of
// the hash after those that all here have in common, and the entry's location; so a miss reads an
// entry about once in a hundred times, or less.
// Invariants: a cell's home rises with its hash, an entry stands at or after its home with no gap
// between, cells never wrap around, the last cell stays empty; cells with the same tag are in
// the order of the whole hash. So a walk from any hash onwards is a walk over the array, whatever
// size the table has at the time.
// Not thread-safe. Source of the ordering: Amble and Knuth, "Ordered Hash Tables", 1974; of the tag
// in the cell: Fan, Andersen, Kaminsky, "MemC3", NSDI 2013.
class CellTable {
 public:
  // The hashes that come here begin with the same `prefix_bits` bits.
  explicit CellTable(int prefix_bits = 0) : prefix_bits_(static_cast<uint8_t>(prefix_bits)) {}
  CellTable(CellTable&& other) noexcept { *this = std::move(other); }
  CellTable& operator=(CellTable&& other) noexcept;
  ~CellTable();

  static constexpr int kPrefixBitsMax = 64 - 20;

  EntryRef Find(uint64_t hash, std::string_view key, const EntryLog& log) const;
  // REQUIRES: no entry with this key is in the table.
  void Insert(uint64_t hash, Location at, const EntryReader& entries);
  // REQUIRES: the entry is in the table.
  void Erase(uint64_t hash, Location at);
  void Replace(uint64_t hash, Location from, Location to);
  bool Holds(uint64_t hash, Location at) const;
  // Brings the cells where an entry with this hash belongs closer to the processor.
  void Prefetch(uint64_t hash) const {
    if (cells_ != nullptr) PrefetchLine(AddressOf(HomeOf(TagOf(hash))));
  }
  // Brings the beginning of the record closer that probably is the one with this hash.
  void PrefetchEntry(uint64_t hash, const EntryLog& log) const;

  // Moves the entries into two tables: by the first bit after the prefix. Reads every key.
  std::pair<CellTable, CellTable> Split(const EntryReader& entries);
  // Undoes a Split.
  static CellTable Join(CellTable lower, CellTable upper);

  // Walks cells in the order of the hash: `for (i = LowerBound(h); (i = Occupied(i)) < length();
  // ++i)`.
  size_t LowerBound(uint64_t hash, const EntryReader& entries) const;
  size_t Occupied(size_t index) const;
  // Calls visit(EntryRef) for the entries with this hash. REQUIRES: `visit` changes nothing.
  void VisitEqual(uint64_t hash, const EntryReader& entries,
                  absl::FunctionRef<void(EntryRef)> visit) const;
  // How many cells a Find of a key with this hash looks at if the key is not there.
  size_t ProbeLength(uint64_t hash) const;
  size_t length() const { return length_; }
  // None if the cell is empty.
  Location location_at(size_t index) const { return LocationOf(CellAt(index)); }

  uint32_t size() const { return count_; }
  uint64_t memory_bytes() const { return BytesOf(length_); }
  // By how much the next Insert grows the table, about.
  uint64_t growth_bytes() const;

 private:
  using Cell = uint64_t;  // tag, location; 0 is empty
  struct Range;
  static constexpr int kTagBits = 64 - kPrefixBitsMax;
  static constexpr uint64_t kUpperTag = uint64_t{1} << (kTagBits - 1);
  static constexpr size_t kCellBytes = 7;
  static constexpr uint64_t kCellMask = (uint64_t{1} << (8 * kCellBytes)) - 1;
  static_assert(kTagBits + Location::kBits == 8 * kCellBytes);
  static constexpr uint64_t kLocationMask = (uint64_t{1} << Location::kBits) - 1;
  static constexpr uint64_t kAllocationBytes = 8;  // the allocator's own, about

  uint64_t TagOf(uint64_t hash) const { return hash << prefix_bits_ >> kPrefixBitsMax; }
  static Cell CellOf(uint64_t tag, Location at) { return tag << Location::kBits | at.value; }
  static uint64_t TagOfCell(Cell cell) { return cell >> Location::kBits; }
  static Location LocationOf(Cell cell) { return Location{cell & kLocationMask}; }
  // Cells are read eight bytes at a time.
  static uint64_t ArrayBytes(size_t length) { return length * kCellBytes + 1; }
  static uint64_t BytesOf(size_t length) {
    return length == 0 ? 0 : ArrayBytes(length) + kAllocationBytes;
  }
  static uint32_t CountMax(size_t length) { return static_cast<uint32_t>(length * 9 / 10); }
  static size_t GrownLength(size_t length) { return length < 4 ? 4 : length + length / 8 + 2; }
  // Room for an eighth more, and some.
  static size_t LengthFor(size_t count) { return count + count / 4 + 4; }

  char* AddressOf(size_t index) const { return cells_ + index * kCellBytes; }
  static Cell Load(const char* at) {
    Cell cell;
    std::memcpy(&cell, at, sizeof(cell));
    return cell & kCellMask;
  }
  Cell CellAt(size_t index) const { return Load(AddressOf(index)); }
  void SetCell(size_t index, Cell cell) {
    const auto low = static_cast<uint32_t>(cell);
    const auto high = static_cast<uint32_t>(cell >> 24);
    std::memcpy(AddressOf(index), &low, sizeof(low));
    std::memcpy(AddressOf(index) + 3, &high, sizeof(high));
  }
  // Homes are fewer than cells, so that the last ones have room to spill over.
  uint64_t homes() const { return length_ - 2 - length_ / 32; }
  size_t HomeOf(uint64_t tag) const { return tag * homes() >> kTagBits; }
  size_t IndexOf(uint64_t hash, Location at) const;
  // The index of the first entry whose hash is not below this one, or of the gap where it belongs.
  // REQUIRES: there are cells.
  size_t PlaceOf(uint64_t hash, const EntryReader& entries) const;
  bool TryInsert(uint64_t hash, Location at, const EntryReader& entries);
  void Clear();
  // Lays the cells out anew, in at least `length` of them.
  void Rebuild(size_t length);
  // Takes the place of what is there: these cells, of which some may be empty, one range behind the
  // other, laid out in at least `length`.
  void Fill(const Range& first, const Range& second, size_t length);

  char* cells_ = nullptr;
  uint32_t length_ = 0;
  uint32_t count_ = 0;
  uint32_t shrink_below_ = 0;
  uint8_t prefix_bits_ = 0;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_CELL_TABLE_H_
