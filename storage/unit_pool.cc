#include "storage/unit_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

#include "storage/poison.h"

namespace larder::storage {
namespace {

// Maps memory that begins at a multiple of its size.
char* MapChunk(size_t bytes) {
  const size_t mapped = 2 * bytes;
  void* region = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (region == MAP_FAILED) throw std::bad_alloc();
  const auto begin = reinterpret_cast<uintptr_t>(region);
  const uintptr_t chunk = (begin + bytes - 1) / bytes * bytes;
  if (chunk > begin) munmap(region, chunk - begin);
  const size_t behind = begin + mapped - (chunk + bytes);
  if (behind > 0) munmap(reinterpret_cast<void*>(chunk + bytes), behind);
  return reinterpret_cast<char*>(chunk);
}

}  // namespace

UnitPool::UnitPool(size_t unit_bytes, size_t kept_bytes_max)
    : unit_bytes_(unit_bytes), kept_bytes_max_(kept_bytes_max) {}

UnitPool::~UnitPool() {
  const MutexLock lock(mutex_);
  for (char* chunk : chunks_) {
    Unpoison(chunk, kChunkBytes);
    munmap(chunk, kChunkBytes);
  }
}

void UnitPool::Allocate(size_t count, char** units) {
  {
    const MutexLock lock(mutex_);
    for (size_t i = 0; i < count; ++i) units[i] = Take();
  }
  for (size_t i = 0; i < count; ++i) Unpoison(units[i], unit_bytes_);
}

char* UnitPool::Take() {
  for (std::vector<char*>* list : {&kept_, &returned_}) {
    if (list->empty()) continue;
    char* unit = list->back();
    list->pop_back();
    return unit;
  }
  char* unit = PlaceAt(used_end_);
  used_end_ += unit_bytes_;
  return unit;
}

char* UnitPool::PlaceAt(size_t place) {
  if (place == chunks_.size() * kChunkBytes) {
    char* chunk = MapChunk(kChunkBytes);
    Poison(chunk, kChunkBytes);
    chunks_.push_back(chunk);
  }
  return chunks_[place / kChunkBytes] + place % kChunkBytes;
}

size_t UnitPool::NextHugePage() const {
  return (used_end_ + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
}

bool UnitPool::GiveBackPrepared(uint64_t bytes_max) {
  const MutexLock lock(mutex_);
  if (prepared_end_ < NextHugePage() + bytes_max + kHugePageBytes) return false;
  prepared_end_ -= kHugePageBytes;
  char* page = PlaceAt(prepared_end_);
  madvise(page, kHugePageBytes, MADV_DONTNEED);
  // Who takes it next has it page by page.
  madvise(page, kHugePageBytes, MADV_NOHUGEPAGE);
  return true;
}

uint64_t UnitPool::Prepare(uint64_t bytes_max) {
  while (GiveBackPrepared(bytes_max)) {
  }
  std::vector<char*> huge_pages;
  uint64_t unused_bytes;
  {
    const MutexLock lock(mutex_);
    const uint64_t taken = used_end_ - used_end_before_;
    used_end_before_ = used_end_;
    prepared_end_ = std::max(prepared_end_, NextHugePage());
    // There may never be a first unit, and those that were given back come first.
    uint64_t wanted = used_end_ == 0 ? 0 : std::max(2 * taken, uint64_t{kHugePageBytes});
    wanted -= std::min<uint64_t>(wanted, returned_.size() * unit_bytes_);
    const size_t end = NextHugePage() + std::min(wanted, bytes_max);
    for (; prepared_end_ + kHugePageBytes <= end; prepared_end_ += kHugePageBytes) {
      huge_pages.push_back(PlaceAt(prepared_end_));
    }
    unused_bytes = prepared_end_ - used_end_;
  }
  for (char* page : huge_pages) {
    // Fewer misses of the processor's address translation. If the system has no huge pages, these
    // are small ones; if it cannot do that at all, none is to be made while a writer waits.
    madvise(page, kHugePageBytes, MADV_HUGEPAGE);
    if (madvise(page, kHugePageBytes, MADV_POPULATE_WRITE) != 0) {
      madvise(page, kHugePageBytes, MADV_NOHUGEPAGE);
    }
  }
  return unused_bytes;
}

void UnitPool::Free(size_t count, char* const* units) {
  for (size_t i = 0; i < count; ++i) Poison(units[i], unit_bytes_);
  size_t kept = 0;
  {
    const MutexLock lock(mutex_);
    for (; kept < count && kept_.size() * unit_bytes_ < kept_bytes_max_; ++kept) {
      kept_.push_back(units[kept]);
    }
  }
  if (kept < count) Return(std::vector<char*>(units + kept, units + count));
}

void UnitPool::Return(std::vector<char*> units) {
  std::sort(units.begin(), units.end());
  for (size_t i = 0; i < units.size();) {
    size_t run = 1;
    while (i + run < units.size() && units[i + run] == units[i] + run * unit_bytes_) ++run;
    ReturnPages(units[i], run * unit_bytes_);
    i += run;
  }
  const MutexLock lock(mutex_);
  returned_.insert(returned_.end(), units.begin(), units.end());
}

void UnitPool::ReturnPages(char* region, size_t bytes) {
  // The system would fill the holes in a huge page again.
  const auto end = reinterpret_cast<uintptr_t>(region) + bytes;
  for (uintptr_t page = reinterpret_cast<uintptr_t>(region) / kHugePageBytes * kHugePageBytes;
       page < end; page += kHugePageBytes) {
    bool is_first;
    {
      const MutexLock lock(mutex_);
      is_first = with_holes_.insert(page).second;
    }
    if (is_first) madvise(reinterpret_cast<void*>(page), kHugePageBytes, MADV_NOHUGEPAGE);
  }
  madvise(region, bytes, MADV_DONTNEED);
}

void UnitPool::GiveBackPages(char* from, size_t bytes) {
  const uintptr_t page_bytes = EntryPools::kPageBytes;
  const auto begin = (reinterpret_cast<uintptr_t>(from) + page_bytes - 1) / page_bytes * page_bytes;
  const auto end = (reinterpret_cast<uintptr_t>(from) + bytes) / page_bytes * page_bytes;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

uint64_t UnitPool::kept_bytes() const {
  const MutexLock lock(mutex_);
  return kept_.size() * unit_bytes_;
}

}  // namespace larder::storage
