#ifndef LARDER_STORAGE_LOCATION_H_
#define LARDER_STORAGE_LOCATION_H_

#include <cstdint>

namespace larder::storage {

class Entry;

// Where a record begins in its stripe's EntryLog; {0} is nowhere. 36 bits: 64 GiB of
// records, values apart not counted.
struct Location {
  static constexpr int kBits = 36;
  uint64_t value = 0;
  friend bool operator==(Location, Location) = default;
};

// An entry and where it is. Valid, as every pointer into the log, until the next operation that
// writes, evicts or compacts.
struct EntryRef {
  Entry* entry = nullptr;
  Location at;
  explicit operator bool() const { return entry != nullptr; }
  Entry* operator->() const { return entry; }
  Entry& operator*() const { return *entry; }
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_LOCATION_H_
