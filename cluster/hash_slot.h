#ifndef LARDER_CLUSTER_HASH_SLOT_H_
#define LARDER_CLUSTER_HASH_SLOT_H_

#include <cstdint>
#include <string_view>

namespace larder::cluster {

inline constexpr uint32_t kHashSlots = 16384;

// The slot of a key, 0..16383: CRC16-XMODEM of the key, or of its hash tag, modulo 16384.
// The hash tag is what stands between the first '{' and the next '}' after it, if that is not
// empty; keys with one tag share a slot. The same slot as Redis Cluster gives the key.
// Source: Redis Cluster specification, "Key distribution model" and "Hash tags".
uint32_t HashSlot(std::string_view key);

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_HASH_SLOT_H_
