#ifndef LARDER_STORAGE_EXPIRY_INDEX_H_
#define LARDER_STORAGE_EXPIRY_INDEX_H_

#include <cstddef>
#include <cstdint>

#include "storage/compact_array.h"
#include "storage/entry.h"
#include "storage/time.h"

namespace larder::storage {

// The entries of one stripe that expire, soonest first: a binary heap, O(log n) a change.
// An entry knows its place, so it can be taken out or moved. Not thread-safe.
class ExpiryIndex {
 public:
  // Brings the index in line with entry.expires_at: adds, moves or takes out.
  void Update(Entry& entry);
  void Remove(Entry& entry);
  // The entry lives at `to` now, already a copy of the one that was indexed.
  void Moved(Entry& to);

  // The entry that expires first, nullptr if none does.
  Entry* Soonest() const { return heap_.empty() ? nullptr : heap_[0].entry; }

  uint64_t memory_bytes() const { return heap_.memory_bytes(); }
  uint64_t growth_bytes() const { return heap_.growth_bytes(); }

 private:
  struct Node {
    TimePoint expires_at;
    Entry* entry;
  };

  void Place(size_t index, const Node& node);
  void SiftUp(size_t index, const Node& node);
  void SiftDown(size_t index, const Node& node);

  CompactArray<Node> heap_;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_EXPIRY_INDEX_H_
