#ifndef LARDER_STORAGE_DETACHED_TABLES_H_
#define LARDER_STORAGE_DETACHED_TABLES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/btree_map.h"
#include "storage/entry_reader.h"
#include "storage/location.h"
#include "storage/slot_table.h"

namespace larder::storage {

// The tables of slots that were flushed: nobody finds their entries any more, whose records still
// wait to be removed. Not thread-safe.
class DetachedTables {
 public:
  bool empty() const { return by_slot_.empty(); }
  // Entries, and bytes of records and values.
  uint64_t count() const { return count_; }
  uint64_t entry_bytes() const { return entry_bytes_; }
  // What the tables take.
  uint64_t memory_bytes() const { return memory_bytes_; }

  // REQUIRES: the table has entries.
  void Add(uint32_t slot, SlotTable table);
  size_t TablesOf(uint32_t slot) const;

  // A slot that has some. REQUIRES: there are entries.
  uint32_t first_slot() const { return by_slot_.begin()->first; }
  // One of the entries of the slot. REQUIRES: there is one.
  EntryRef First(uint32_t slot, const EntryReader& entries) const;
  // Takes out the one that First has given. `bytes` is what it counted for.
  void RemoveFirst(uint32_t slot, uint64_t hash, Location at, uint64_t bytes);
  // Says that an entry has moved. False: it is in none of these tables.
  bool Replace(uint32_t slot, uint64_t hash, Location from, Location to);

 private:
  struct Detached {
    SlotTable table;
    uint64_t removed_to = 0;  // no entry has a hash before
  };
  static constexpr uint64_t kBytesOfOne = sizeof(Detached) + 64;  // in its list and the map, about

  absl::btree_map<uint32_t, std::vector<Detached>> by_slot_;
  uint64_t count_ = 0;
  uint64_t entry_bytes_ = 0;
  uint64_t memory_bytes_ = 0;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_DETACHED_TABLES_H_
