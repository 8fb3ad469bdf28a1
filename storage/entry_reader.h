#ifndef LARDER_STORAGE_ENTRY_READER_H_
#define LARDER_STORAGE_ENTRY_READER_H_

#include <cstdint>

#include "storage/entry_log.h"
#include "storage/key_hasher.h"
#include "storage/location.h"

namespace larder::storage {

// Reads the entries of a log, and the hashes of their keys, for the tables that point at them.
// Log and hasher must outlive it.
class EntryReader {
 public:
  EntryReader(const EntryLog* log, const KeyHasher* hasher) : log_(*log), hasher_(*hasher) {}

  EntryRef At(Location at) const { return log_.At(at); }
  uint64_t HashOf(const Entry& entry) const { return hasher_.Hash(entry.key()); }
  uint64_t HashAt(Location at) const { return HashOf(*At(at)); }

 private:
  const EntryLog& log_;
  const KeyHasher& hasher_;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_ENTRY_READER_H_
