#include "storage/content_digest.h"

#include <bit>

#include "absl/strings/str_cat.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace larder::storage {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are hashed as they lie");

struct Hash {
  static Hash Of(const void* bytes, size_t size) {
    const XXH128_hash_t hash = XXH3_128bits(bytes, size);
    return {hash.low64, hash.high64};
  }

  uint64_t low;
  uint64_t high;
};

// Without gaps: all of it is hashed. Lengths, so that no byte of the key can pass for one of the
// value.
struct Hashed {
  Hash key;
  Hash value;
  uint64_t key_bytes;
  uint64_t value_bytes;
  uint64_t version;
  int64_t expires_at_ms;
  uint32_t flags;
  uint32_t stale;
};
static_assert(sizeof(Hashed) == 72);

}  // namespace

void ContentDigest::Add(const Mutation& entry) {
  const std::string_view value = entry.value.whole();
  const Hashed hashed = {.key = Hash::Of(entry.key.data(), entry.key.size()),
                         .value = Hash::Of(value.data(), value.size()),
                         .key_bytes = entry.key.size(),
                         .value_bytes = value.size(),
                         .version = entry.version,
                         .expires_at_ms = entry.expires_at.time_since_epoch().count(),
                         .flags = entry.flags,
                         .stale = entry.stale ? 1u : 0u};
  const Hash hash = Hash::Of(&hashed, sizeof(hashed));
  AddSum(hash.low, hash.high);
  ++entries_;
}

void ContentDigest::Add(const ContentDigest& other) {
  AddSum(other.low_, other.high_);
  entries_ += other.entries_;
}

void ContentDigest::AddSum(uint64_t low, uint64_t high) {
  low_ += low;
  high_ += high + (low_ < low ? 1 : 0);
}

std::string ContentDigest::ToString() const {
  return absl::StrCat(absl::Hex(high_, absl::kZeroPad16), absl::Hex(low_, absl::kZeroPad16));
}

}  // namespace larder::storage
