#ifndef LARDER_STORAGE_EVICTION_POLICY_BYTES_H_
#define LARDER_STORAGE_EVICTION_POLICY_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "storage/location.h"
#include "storage/time.h"

namespace larder::storage {

// A number of kBytes bytes that a policy keeps `kBefore` bytes in front of an entry.
template <size_t kBefore, size_t kBytes>
struct PolicyNumber {
  static_assert(kBytes <= kBefore && kBytes <= sizeof(uint64_t));

  static uint64_t Get(const Entry* entry) {
    uint64_t value = 0;
    std::memcpy(&value, reinterpret_cast<const char*>(entry) - kBefore, kBytes);
    return value;
  }
  static void Set(Entry* entry, uint64_t value) {
    std::memcpy(reinterpret_cast<char*>(entry) - kBefore, &value, kBytes);
  }
};

// A point in time, to the millisecond, in six bytes.
template <size_t kBefore>
struct PolicyTime {
  static TimePoint Get(const Entry* entry) {
    return TimePoint(Millis(static_cast<int64_t>(PolicyNumber<kBefore, 6>::Get(entry))));
  }
  static void Set(Entry* entry, TimePoint time) {
    PolicyNumber<kBefore, 6>::Set(entry, static_cast<uint64_t>(time.time_since_epoch().count()));
  }
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_EVICTION_POLICY_BYTES_H_
