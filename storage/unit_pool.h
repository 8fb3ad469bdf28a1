#ifndef LARDER_STORAGE_UNIT_POOL_H_
#define LARDER_STORAGE_UNIT_POOL_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "storage/mutex.h"
#include "storage/shared_values.h"

namespace larder::storage {

// Memory in units of one size, shared by all stripes. Thread-safe.
// Units come from mapped chunks, one after the other. A few free units are kept for reuse as they
// are; the pages of the others go back to the system at once, so that the process is as large as
// what is in use. Free units are poisoned for AddressSanitizer.
class UnitPool {
 public:
  // `kept_bytes_max`: of free units that are kept as they are.
  // REQUIRES: unit_bytes is a power of two, 4 KiB to 4 MiB.
  UnitPool(size_t unit_bytes, size_t kept_bytes_max);
  ~UnitPool();
  UnitPool(const UnitPool&) = delete;
  UnitPool& operator=(const UnitPool&) = delete;

  // Fills `units` with `count` units whose contents are undefined. Throws std::bad_alloc when the
  // system has no more memory.
  void Allocate(size_t count, char** units);
  void Free(size_t count, char* const* units);
  char* Allocate() {
    char* unit = nullptr;
    Allocate(1, &unit);
    return unit;
  }
  void Free(char* unit) { Free(1, &unit); }

  // Gets the memory of the units that are next from the system, in huge pages: as many as it should
  // take until the next call, and at most so many bytes; gives back those that are beyond. Returns
  // how many are prepared and not used yet. An Allocate that outruns this gets memory page
  // by page as it is written, which is slower to use: a huge page at once may take milliseconds, so
  // that is for a thread that nobody waits for.
  uint64_t Prepare(uint64_t bytes_max);

  // Gives the whole pages in these bytes, which need not be of a pool, back to the system: they
  // read as zeros then.
  static void GiveBackPages(char* from, size_t bytes);

  size_t unit_bytes() const { return unit_bytes_; }
  // Free memory that the system has not got back.
  uint64_t kept_bytes() const;

 private:
  static constexpr size_t kChunkBytes = size_t{4} << 20;
  static constexpr size_t kHugePageBytes = size_t{2} << 20;

  // Gives their pages back to the system.
  void Return(std::vector<char*> units);
  void ReturnPages(char* region, size_t bytes);
  char* Take() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The place of the first huge page of which nothing is in use.
  size_t NextHugePage() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // One huge page, if as much is prepared beyond so many bytes.
  bool GiveBackPrepared(uint64_t bytes_max);
  // The memory at this place in the chunks, of which the last may be a new one.
  char* PlaceAt(size_t place) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t unit_bytes_;
  const size_t kept_bytes_max_;
  mutable Mutex mutex_;
  std::vector<char*> kept_ ABSL_GUARDED_BY(mutex_);      // free, with pages behind them
  std::vector<char*> returned_ ABSL_GUARDED_BY(mutex_);  // free, without
  std::vector<char*> chunks_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<uintptr_t> with_holes_ ABSL_GUARDED_BY(mutex_);  // huge pages
  // Places in the chunks, one after the other: before the first all memory was in use at some time,
  // behind the second none was prepared.
  size_t used_end_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t prepared_end_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t used_end_before_ ABSL_GUARDED_BY(mutex_) = 0;  // when Prepare was called last
};

// The pools that the entries of one keyspace live in.
struct EntryPools {
  // The longer the segments the less is lost at their ends, and the more in those that are open.
  static constexpr size_t kSegmentBytesMin = size_t{64} << 10;
  static constexpr size_t kSegmentBytesMax = size_t{256} << 10;
  static constexpr size_t kPageBytes = size_t{4} << 10;
  static constexpr size_t kBlockBytes = size_t{256} << 10;

  // REQUIRES: segment_bytes is a power of two within the bounds.
  explicit EntryPools(size_t segment_bytes = kSegmentBytesMin,
                      size_t kept_bytes_max = size_t{1} << 20)
      : segments(segment_bytes, kept_bytes_max),
        pages(kPageBytes, kept_bytes_max),
        blocks(kBlockBytes, kept_bytes_max),
        shared(&pages, &blocks) {}

  UnitPool segments;
  UnitPool pages;
  UnitPool blocks;
  SharedValues shared;  // of pages and blocks
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_UNIT_POOL_H_
