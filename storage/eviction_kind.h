#ifndef LARDER_STORAGE_EVICTION_KIND_H_
#define LARDER_STORAGE_EVICTION_KIND_H_

#include <string_view>

#include "absl/status/statusor.h"

namespace larder::storage {

enum class EvictionKind {
  kS3Fifo,
  kSieve,
  kSlru,
  kLru,
  kLruSampled,
  kLfu,
  kFifo,
  kTtl,
  kRandom,
  kNone
};
enum class EvictionScope { kAllKeys, kKeysWithTtl };

// "s3fifo", "sieve", "slru", "lru", "lru-sampled", "lfu", "fifo", "ttl", "random", "none".
std::string_view EvictionKindName(EvictionKind kind);
// INVALID_ARGUMENT names the kinds that there are.
absl::StatusOr<EvictionKind> ParseEvictionKind(std::string_view name);

// "all", "ttl".
std::string_view EvictionScopeName(EvictionScope scope);
absl::StatusOr<EvictionScope> ParseEvictionScope(std::string_view name);

}  // namespace larder::storage

#endif  // LARDER_STORAGE_EVICTION_KIND_H_
