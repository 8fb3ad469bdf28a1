#ifndef LARDER_TESTS_STORAGE_TEST_HASH_H_
#define LARDER_TESTS_STORAGE_TEST_HASH_H_

#include <cstdint>
#include <string_view>

#include "storage/key_hasher.h"

namespace larder::storage {

// The hasher of a keyspace whose options name no secret.
inline const KeyHasher& TestHasher() {
  static const KeyHasher hasher{HashSecret()};
  return hasher;
}

inline uint64_t TestHash(std::string_view key) { return TestHasher().Hash(key); }

}  // namespace larder::storage

#endif  // LARDER_TESTS_STORAGE_TEST_HASH_H_
