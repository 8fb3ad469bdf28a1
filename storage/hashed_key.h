#ifndef LARDER_STORAGE_HASHED_KEY_H_
#define LARDER_STORAGE_HASHED_KEY_H_

#include <cstdint>
#include <string_view>

#include "storage/key_hash.h"
#include "storage/operations.h"

namespace larder::storage {

// A KeyRef with its hash, so that it is computed once and outside of the stripe's lock.
struct HashedKey {
  explicit HashedKey(KeyRef ref) : slot(ref.slot), hash(HashKey(ref.key)), key(ref.key) {}

  uint32_t slot;
  uint64_t hash;
  std::string_view key;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_HASHED_KEY_H_
