#ifndef LARDER_STORAGE_POISON_H_
#define LARDER_STORAGE_POISON_H_

#include <cstddef>

#include "absl/base/config.h"

#ifdef ABSL_HAVE_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

namespace larder::storage {

// Under AddressSanitizer a poisoned region may not be touched; otherwise these do nothing.
inline void Poison([[maybe_unused]] void* region, [[maybe_unused]] size_t bytes) {
#ifdef ABSL_HAVE_ADDRESS_SANITIZER
  ASAN_POISON_MEMORY_REGION(region, bytes);
#endif
}

inline void Unpoison([[maybe_unused]] void* region, [[maybe_unused]] size_t bytes) {
#ifdef ABSL_HAVE_ADDRESS_SANITIZER
  ASAN_UNPOISON_MEMORY_REGION(region, bytes);
#endif
}

}  // namespace larder::storage

#endif  // LARDER_STORAGE_POISON_H_
