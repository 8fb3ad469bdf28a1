#ifndef LARDER_STORAGE_SLOT_TABLE_H_
#define LARDER_STORAGE_SLOT_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "storage/cell_table.h"
#include "storage/location.h"

namespace larder::storage {

// The hash table of one slot, in the order of the hash. An ordinary slot has one CellTable; one
// that holds many entries (of a hash tag, say) has more, so that no insertion lays out more than
// some thousand cells anew. They are split one after the other, in the order of the hash, and
// joined in the opposite order: so where a hash belongs follows from how many there are.
// Not thread-safe. After Litwin, "Linear Hashing", VLDB 1980, by the first bits in place of the
// last.
class SlotTable {
 public:
  EntryRef Find(uint64_t hash, std::string_view key, const EntryLog& log) const {
    return PartOf(hash).Find(hash, key, log);
  }
  // REQUIRES: no entry with this key is in the table.
  void Insert(uint64_t hash, Location at, const EntryReader& entries);
  // REQUIRES: the entry is in the table.
  void Erase(uint64_t hash, Location at);
  void Replace(uint64_t hash, Location from, Location to) {
    MutablePartOf(hash).Replace(hash, from, to);
  }
  bool Holds(uint64_t hash, Location at) const { return PartOf(hash).Holds(hash, at); }
  // Brings the cells where an entry with this hash belongs closer to the processor.
  void Prefetch(uint64_t hash) const { PartOf(hash).Prefetch(hash); }
  // Brings the beginning of the record closer that probably is the one with this hash.
  void PrefetchEntry(uint64_t hash, const EntryLog& log) const {
    PartOf(hash).PrefetchEntry(hash, log);
  }

  // Walks entries in the order of the hash: `for (i = LowerBound(h); (i = Occupied(i)) < end();
  // ++i)`.
  size_t LowerBound(uint64_t hash, const EntryReader& entries) const;
  size_t Occupied(size_t index) const;
  size_t end() const { return part_count() << kCellBits; }
  Location location_at(size_t index) const {
    return part(index >> kCellBits).location_at(index & kCellMask);
  }

  // Calls visit(EntryRef) for the entries with this hash. REQUIRES: `visit` changes nothing.
  void VisitEqual(uint64_t hash, const EntryReader& entries,
                  absl::FunctionRef<void(EntryRef)> visit) const {
    PartOf(hash).VisitEqual(hash, entries, visit);
  }
  // How many cells a Find of a key with this hash looks at if the key is not there.
  size_t ProbeLength(uint64_t hash) const { return PartOf(hash).ProbeLength(hash); }

  // Numbers for the cells, most of them below sampled_cells().
  size_t sampled_cells() const {
    return parts_ == nullptr ? only_.length() : part_count() * kSampledCells;
  }
  // The entry in that cell; none if there is no such cell, or it is empty.
  Location SampleAt(size_t number) const;

  size_t size() const { return parts_ == nullptr ? only_.size() : parts_->size; }
  uint64_t memory_bytes() const {
    return parts_ == nullptr ? only_.memory_bytes() : parts_->memory_bytes();
  }
  // By how much the next Insert of this hash grows the table, about.
  uint64_t growth_bytes(uint64_t hash) const;

  // Sum of what the slot's entries take in the log, kept by the owner.
  uint64_t entry_bytes = 0;

 private:
  // Splits when a part has more than these on average; of the parts that are still to be split one
  // may have twice as many.
  static constexpr size_t kPartEntries = 2048;
  // Joins when they have fewer: so few that what is left of a table that is emptied in the order of
  // its hashes, all in its last parts, is not many.
  static constexpr size_t kPartEntriesMin = kPartEntries / 16;
  static constexpr size_t kSampledCells = kPartEntries * 11 / 4;
  static constexpr int kCellBits = 32;
  static constexpr uint64_t kCellMask = (uint64_t{1} << kCellBits) - 1;

  struct Parts {
    // From 2^level ranges of hashes the first `split` have two tables, the others one.
    std::vector<CellTable> tables;
    int level = 0;
    size_t split = 0;
    size_t size = 0;
    uint64_t table_bytes = 0;

    size_t IndexOf(uint64_t hash) const {
      const uint64_t twice = hash >> (63 - level);
      return twice / 2 < split ? twice : twice / 2 + split;
    }
    uint64_t memory_bytes() const {
      return sizeof(Parts) + tables.capacity() * sizeof(CellTable) + table_bytes;
    }
  };

  size_t part_count() const { return parts_ == nullptr ? 1 : parts_->tables.size(); }
  const CellTable& part(size_t index) const {
    return parts_ == nullptr ? only_ : parts_->tables[index];
  }
  const CellTable& PartOf(uint64_t hash) const {
    return parts_ == nullptr ? only_ : parts_->tables[parts_->IndexOf(hash)];
  }
  CellTable& MutablePartOf(uint64_t hash) { return const_cast<CellTable&>(PartOf(hash)); }
  bool SplitIsDueAt(size_t entries) const;
  void SplitNext(const EntryReader& entries);
  void JoinLast();

  CellTable only_;  // without entries if there are parts
  std::unique_ptr<Parts> parts_;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_SLOT_TABLE_H_
