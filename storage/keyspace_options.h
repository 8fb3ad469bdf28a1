#ifndef LARDER_STORAGE_KEYSPACE_OPTIONS_H_
#define LARDER_STORAGE_KEYSPACE_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "storage/eviction_kind.h"
#include "storage/key_hasher.h"
#include "storage/write_authority.h"

namespace larder::storage {

struct KeyspaceOptions {
  uint64_t memory_bytes = uint64_t{1} << 30;  // hard limit for all that MemoryUsage counts
  uint32_t stripes = 64;  // power of two, 1..kSlots; fewer are made for less than 16 MiB each
  EvictionKind eviction = EvictionKind::kS3Fifo;
  EvictionScope eviction_scope = EvictionScope::kAllKeys;
  uint32_t eviction_samples = 10;  // entries that a sampling policy compares, 1..64
  uint64_t leases_max = 1000000;   // outstanding
  uint64_t seed = 1;               // of sampling and of early refresh
  // How many segments a stripe may have: fewer than a Location can tell apart are for tests.
  uint32_t stripe_segments_max = std::numeric_limits<uint32_t>::max();
  // Decides the order of Scan and which keys collide: to be drawn at random, and kept from those
  // who choose keys.
  HashSecret hash_secret;
  // Asked before every mutation but Apply; nullptr: it always holds. Must outlive the keyspace.
  const WriteAuthority* authority = nullptr;
};

// The least memory_bytes of any keyspace.
inline constexpr uint64_t kKeyspaceBytesMin = uint64_t{4} << 20;

// INVALID_ARGUMENT: one of the numbers that have nothing to do with memory is out of range.
absl::Status CheckNumbers(const KeyspaceOptions& options);
// INVALID_ARGUMENT: stripes of this layout cannot do with a budget of so many bytes.
absl::Status CheckMemory(uint64_t bytes, uint64_t stripes, uint64_t segment_bytes,
                         uint64_t record_bytes_max);
// How many stripes a keyspace has, and how long their segments are.
uint32_t StripesFor(const KeyspaceOptions& options);
size_t SegmentBytesFor(const KeyspaceOptions& options);

}  // namespace larder::storage

#endif  // LARDER_STORAGE_KEYSPACE_OPTIONS_H_
