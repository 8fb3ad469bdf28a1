#ifndef LARDER_STORAGE_KEY_HASH_H_
#define LARDER_STORAGE_KEY_HASH_H_

#include <cstdint>
#include <string_view>

namespace larder::storage {

// XXH3, 64 bits, no seed: the same on every node and in every release, since Scan's order, and
// later the order on disk, is by this number.
uint64_t HashKey(std::string_view key);

}  // namespace larder::storage

#endif  // LARDER_STORAGE_KEY_HASH_H_
