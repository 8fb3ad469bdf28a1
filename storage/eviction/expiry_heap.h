#ifndef LARDER_STORAGE_EVICTION_EXPIRY_HEAP_H_
#define LARDER_STORAGE_EVICTION_EXPIRY_HEAP_H_

#include <cstddef>
#include <cstdint>

#include "storage/chunked_array.h"
#include "storage/entry_log.h"
#include "storage/eviction/entry_list.h"
#include "storage/eviction/policy_bytes.h"
#include "storage/location.h"
#include "storage/time.h"

namespace larder::storage {

// Entries that expire, soonest first: a binary heap, O(log n) a change. An entry knows its place,
// kept kBefore bytes in front of it, so it can be taken out or moved.
class ExpiryHeap {
 public:
  static constexpr size_t kBefore = EntryList::kEntryBytes + 4;

  explicit ExpiryHeap(EntryLog* log) : log_(log) {}

  // REQUIRES: the entry is not in the heap.
  void Add(EntryRef ref, TimePoint expires_at);
  void Remove(EntryRef ref);
  void Moved(EntryRef to) { heap_[Place::Get(to.entry)].at = to.at; }

  bool empty() const { return heap_.empty(); }
  EntryRef soonest() const { return log_->At(heap_[0].at); }
  TimePoint soonest_expiry() const { return heap_[0].expires_at; }

  uint64_t memory_bytes() const { return heap_.memory_bytes(); }
  uint64_t growth_bytes() const { return heap_.growth_bytes(); }

 private:
  using Place = PolicyNumber<kBefore, 4>;

  struct Node {
    TimePoint expires_at;
    Location at;
  };

  void Put(size_t index, const Node& node);
  void SiftUp(size_t index, const Node& node);
  void SiftDown(size_t index, const Node& node);

  EntryLog* const log_;
  ChunkedArray<Node> heap_;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_EVICTION_EXPIRY_HEAP_H_
