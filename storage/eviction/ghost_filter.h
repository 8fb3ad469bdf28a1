#ifndef LARDER_STORAGE_EVICTION_GHOST_FILTER_H_
#define LARDER_STORAGE_EVICTION_GHOST_FILTER_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "storage/prefetch.h"

namespace larder::storage {

// Remembers about the last `capacity` hashes that were added, in two bytes each: a fingerprint of
// 12 bits and a generation of 4. A generation lasts for an eighth of the capacity, and what is
// older than eight is forgotten. Takes one hash in some hundreds for another. Not thread-safe. The
// layout is the bucketed fingerprint table of Fan et al., "Cuckoo Filter", CoNEXT 2014, without the
// cuckoo: a full bucket loses its oldest.
class GhostFilter {
 public:
  explicit GhostFilter(uint64_t capacity);

  void Add(uint64_t hash);
  // True if the hash was there; it is forgotten.
  bool Remove(uint64_t hash);

  // Brings what Add and Remove of this hash read closer to the processor.
  void Prefetch(uint64_t hash) const { PrefetchLine(&buckets_[BucketIndexOf(hash)]); }

  uint64_t capacity() const { return capacity_; }
  uint64_t memory_bytes() const { return buckets_count_ * sizeof(Bucket); }
  // What a filter with this capacity takes.
  static uint64_t MemoryBytesFor(uint64_t capacity) {
    return BucketsFor(capacity) * sizeof(Bucket);
  }

 private:
  static constexpr size_t kCellsPerBucket = 16;
  static constexpr uint16_t kGenerations = 15;  // 1..15; 0 marks an empty cell
  static constexpr uint16_t kRemembered = 8;
  struct Bucket {
    uint16_t cells[kCellsPerBucket];  // fingerprint, generation in the low 4 bits; 0 is empty
  };

  static uint64_t BucketsFor(uint64_t capacity) { return capacity * 9 / 8 / kCellsPerBucket + 1; }
  uint16_t AgeOf(uint16_t cell) const {
    return static_cast<uint16_t>((generation_ + kGenerations - (cell & 0xf)) % kGenerations);
  }
  uint64_t BucketIndexOf(uint64_t hash) const { return (hash >> 32) * buckets_count_ >> 32; }
  Bucket& BucketOf(uint64_t hash) { return buckets_[BucketIndexOf(hash)]; }
  static uint16_t FingerprintOf(uint64_t hash) { return hash & 0xfff; }
  // Clears what is forgotten in the next bucket, before its generation comes again.
  void SweepOne();

  const uint64_t capacity_;
  const uint64_t buckets_count_;
  // From calloc, which need not touch what it gets from the system.
  const std::unique_ptr<Bucket[], decltype(&std::free)> buckets_;
  uint16_t generation_ = 1;
  uint64_t added_ = 0;  // in this generation
  uint64_t swept_ = 0;  // the bucket that is next
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_EVICTION_GHOST_FILTER_H_
