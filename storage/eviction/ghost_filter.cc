#include "storage/eviction/ghost_filter.h"

#include <algorithm>
#include <new>

namespace larder::storage {

GhostFilter::GhostFilter(uint64_t capacity)
    : capacity_(std::max<uint64_t>(capacity, 2 * kCellsPerBucket)),
      buckets_count_(BucketsFor(capacity_)),
      buckets_(static_cast<Bucket*>(std::calloc(buckets_count_, sizeof(Bucket))), &std::free) {
  if (buckets_ == nullptr) throw std::bad_alloc();
}

void GhostFilter::Add(uint64_t hash) {
  SweepOne();
  if (++added_ > capacity_ / kRemembered) {
    added_ = 0;
    generation_ = static_cast<uint16_t>(generation_ % kGenerations + 1);
  }
  Bucket& bucket = BucketOf(hash);
  uint16_t* oldest = &bucket.cells[0];
  for (uint16_t& cell : bucket.cells) {
    if (cell == 0) {
      oldest = &cell;
      break;
    }
    if (AgeOf(cell) > AgeOf(*oldest)) oldest = &cell;
  }
  *oldest = static_cast<uint16_t>(FingerprintOf(hash) << 4 | generation_);
}

bool GhostFilter::Remove(uint64_t hash) {
  for (uint16_t& cell : BucketOf(hash).cells) {
    if (cell == 0 || cell >> 4 != FingerprintOf(hash) || AgeOf(cell) > kRemembered) continue;
    cell = 0;
    return true;
  }
  return false;
}

void GhostFilter::SweepOne() {
  for (uint16_t& cell : buckets_[swept_].cells) {
    if (cell != 0 && AgeOf(cell) > kRemembered) cell = 0;
  }
  swept_ = (swept_ + 1) % buckets_count_;
}

}  // namespace larder::storage
