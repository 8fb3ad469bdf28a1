#ifndef LARDER_STORAGE_SHARED_VALUES_H_
#define LARDER_STORAGE_SHARED_VALUES_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "storage/mutex.h"

namespace larder::storage {

class Entry;
class UnitPool;

// The large values of which a record in the mutation log has no copy: it and the entry share the
// pages and blocks that lie apart. Such parts are written no more, and when the entry lets them go
// they stay until the log has passed the record. A value is known by the address of its first part.
// Thread-safe; while nothing is shared, one load.
class SharedValues {
 public:
  // Shorter values are copied into the log: that takes some microseconds, and this some of them.
  static constexpr size_t kValueBytesMin = size_t{64} << 10;

  // Both must outlive it.
  SharedValues(UnitPool* pages, UnitPool* blocks) : pages_(*pages), blocks_(*blocks) {}
  SharedValues(const SharedValues&) = delete;
  SharedValues& operator=(const SharedValues&) = delete;

  // A log begins that holds values of so many bytes at most, in all. REQUIRES: nothing is shared.
  void Begin(uint64_t bytes_max);
  // It has gone, and with it all records.
  void End() { Pass(UINT64_MAX); }

  // A record at this sequence shares the value of the entry. False: it is to have a copy.
  // Allocates nothing.
  bool Share(const Entry& entry, uint64_t sequence);
  bool IsShared(const Entry& entry) const {
    return is_any_.load(std::memory_order_relaxed) && Finds(entry);
  }
  // The entry lets its value go. False: nobody shares it, and its parts are to be freed.
  bool TakeOver(const Entry& entry) {
    return is_any_.load(std::memory_order_relaxed) && TakeOverParts(entry);
  }
  bool is_any() const { return is_any_.load(std::memory_order_relaxed); }
  // The log holds no records before this sequence any more.
  void Pass(uint64_t sequence);

  // What is held though no entry has it any more.
  uint64_t held_bytes() const { return held_bytes_.load(std::memory_order_relaxed); }

 private:
  struct Parts {
    std::vector<char*> blocks;
    std::vector<char*> pages;
  };
  struct Value {
    uint64_t sequence = 0;
    uint64_t bytes = 0;
    Parts parts;  // once the entry has let them go
  };
  struct Place {
    uint64_t sequence;
    const char* first_part;
  };

  bool Finds(const Entry& entry) const;
  bool TakeOverParts(const Entry& entry);

  UnitPool& pages_;
  UnitPool& blocks_;
  mutable Mutex mutex_;
  absl::flat_hash_map<const char*, Value> values_ ABSL_GUARDED_BY(mutex_);
  // Those, in the order of their sequences but for neighbours: a ring of fixed length.
  std::vector<Place> order_ ABSL_GUARDED_BY(mutex_);
  size_t first_ ABSL_GUARDED_BY(mutex_) = 0;
  std::atomic<bool> is_any_{false};
  std::atomic<uint64_t> held_bytes_{0};
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_SHARED_VALUES_H_
