#ifndef LARDER_STORAGE_THREAD_PLACE_H_
#define LARDER_STORAGE_THREAD_PLACE_H_

#include <cstddef>
#include <cstdint>

namespace larder::storage {

inline constexpr size_t kThreadPlaces = 64;

// A number below kThreadPlaces that this thread has for good, and few others: for what threads
// write side by side. Two threads may have the same.
inline size_t PlaceOfThisThread() {
  // What it points at lies apart by the size of a stack, a multiple of a page. (A variable of our
  // own would do, but if it is the only thread-local one, mold 1.10 may make a program that cannot
  // start.)
  const uint64_t page = reinterpret_cast<uintptr_t>(__builtin_thread_pointer()) / 4096;
  constexpr uint64_t kGoldenRatio = 0x9e3779b97f4a7c15;  // Fibonacci hashing (Knuth, 6.4)
  static_assert(kThreadPlaces == 64);
  return page * kGoldenRatio >> 58;
}

}  // namespace larder::storage

#endif  // LARDER_STORAGE_THREAD_PLACE_H_
