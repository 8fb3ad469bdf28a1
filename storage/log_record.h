#ifndef LARDER_STORAGE_LOG_RECORD_H_
#define LARDER_STORAGE_LOG_RECORD_H_

#include <cstdint>

#include "storage/mutation.h"

namespace larder::storage {

// A record as it lies in the ring of a log: as WriteMutationRecord writes it, or, if it shares the
// value of its entry (SharedValues), with the addresses of the parts that lie apart in place of
// them, marked in the header. Borrowed, as long as the ring keeps it.
class LogRecord {
 public:
  explicit LogRecord(const char* place) : place_(place) {}

  // Writes what stands in place of the whole record. REQUIRES: the value is that of an entry which
  // is shared. Returns how many bytes that is.
  static uint64_t WriteShared(const Mutation& mutation, char* place);

  // All of it, as bytes.
  uint64_t size() const;
  void CopyTo(char* to) const;
  uint32_t slot() const;

 private:
  const char* place_;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_LOG_RECORD_H_
