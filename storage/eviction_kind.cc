#include "storage/eviction_kind.h"

#include <array>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace larder::storage {
namespace {

constexpr std::array<std::pair<EvictionKind, std::string_view>, 10> kKinds = {{
    {EvictionKind::kS3Fifo, "s3fifo"},
    {EvictionKind::kSieve, "sieve"},
    {EvictionKind::kSlru, "slru"},
    {EvictionKind::kLru, "lru"},
    {EvictionKind::kLruSampled, "lru-sampled"},
    {EvictionKind::kLfu, "lfu"},
    {EvictionKind::kFifo, "fifo"},
    {EvictionKind::kTtl, "ttl"},
    {EvictionKind::kRandom, "random"},
    {EvictionKind::kNone, "none"},
}};

constexpr std::array<std::pair<EvictionScope, std::string_view>, 2> kScopes = {{
    {EvictionScope::kAllKeys, "all"},
    {EvictionScope::kKeysWithTtl, "ttl"},
}};

template <typename Table, typename Value>
std::string_view NameIn(const Table& table, Value value) {
  for (const auto& [candidate, name] : table) {
    if (candidate == value) return name;
  }
  return "unknown";
}

template <typename Value, typename Table>
absl::StatusOr<Value> ParseIn(const Table& table, std::string_view what, std::string_view name) {
  std::string names;
  for (const auto& [candidate, candidate_name] : table) {
    if (candidate_name == name) return candidate;
    names.append(names.empty() ? "" : ", ").append(candidate_name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", std::string(name), "' is no ", std::string(what), "; there are ", names));
}

}  // namespace

std::string_view EvictionKindName(EvictionKind kind) { return NameIn(kKinds, kind); }

absl::StatusOr<EvictionKind> ParseEvictionKind(std::string_view name) {
  return ParseIn<EvictionKind>(kKinds, "eviction policy", name);
}

std::string_view EvictionScopeName(EvictionScope scope) { return NameIn(kScopes, scope); }

absl::StatusOr<EvictionScope> ParseEvictionScope(std::string_view name) {
  return ParseIn<EvictionScope>(kScopes, "eviction scope", name);
}

}  // namespace larder::storage
