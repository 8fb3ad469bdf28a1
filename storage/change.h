#ifndef LARDER_STORAGE_CHANGE_H_
#define LARDER_STORAGE_CHANGE_H_

#include <cstdint>
#include <string_view>

#include "storage/location.h"
#include "storage/mutation.h"

namespace larder::storage {

// A mutation of a stripe that is ready to be committed. Memory has been found and, but for the
// version, all bytes are written.
struct Change {
  MutationKind kind = MutationKind::kSet;
  uint32_t slot = 0;
  std::string_view key;  // none with kFlushSlot
  EntryRef entry;        // kSet, kSetFields: as it is now; kEvict, kExpire: the one that will go
  uint64_t version = 0;  // given by another node; 0: as this kind of mutation has it
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_CHANGE_H_
