#ifndef LARDER_STORAGE_HASHED_KEY_H_
#define LARDER_STORAGE_HASHED_KEY_H_

#include <cstdint>
#include <string_view>

#include "storage/key_hasher.h"
#include "storage/operations.h"

namespace larder::storage {

// A KeyRef with its hash, so that it is computed once and outside of the stripe's lock.
struct HashedKey {
  HashedKey(KeyRef ref, const KeyHasher& hasher)
      : slot(ref.slot), hash(hasher.Hash(ref.key)), key(ref.key) {}

  uint32_t slot;
  uint64_t hash;
  std::string_view key;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_HASHED_KEY_H_
