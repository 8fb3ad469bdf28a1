#ifndef LARDER_STORAGE_PREFETCH_H_
#define LARDER_STORAGE_PREFETCH_H_

namespace larder::storage {

// Brings the cache line with this address closer to the processor.
inline void PrefetchLine(const void* address) {
  __builtin_prefetch(address);
  // GCC takes a function that does nothing but the line above for one without effect, and drops
  // the calls of it.
  asm volatile("" : : "r"(address));
}

}  // namespace larder::storage

#endif  // LARDER_STORAGE_PREFETCH_H_
