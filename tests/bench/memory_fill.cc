#include "tests/bench/memory_fill.h"

#include <string>

#include "tests/bench/bench_keys.h"
#include "tests/bench/fill_sizes.h"
#include "tests/bench/resident_memory.h"

namespace larder::bench {
namespace {

using storage::Millis;
using storage::TimePoint;

constexpr TimePoint kStart{Millis(1'700'000'000'000)};
constexpr uint64_t kSetsPerMilli = 100;

}  // namespace

absl::Status CheckOptions(const MemoryFillOptions& options) {
  absl::Status status = CheckCount("keys", options.keys);
  status.Update(CheckValueBytes(options.value_bytes));
  if (!status.ok()) return status;
  if (options.ttl.has_value() &&
      (*options.ttl < absl::Milliseconds(1) || *options.ttl > absl::Hours(24 * 36500))) {
    return absl::InvalidArgumentError("--ttl: must be from 1ms to 100 years");
  }
  return CheckKeyBytes(options.key_bytes, options.keys);
}

absl::StatusOr<MemoryFillReport> FillKeyspace(const MemoryFillOptions& options) {
  if (const absl::Status status = CheckOptions(options); !status.ok()) return status;
  const std::string value(options.value_bytes, 'v');
  ScratchKey key(options.key_bytes);
  storage::HybridClock clock(1);
  storage::KeyspaceOptions keyspace_options;
  keyspace_options.memory_bytes = options.memory_bytes.value_or(
      AmpleMemory(options.keys, options.key_bytes, options.value_bytes));
  keyspace_options.eviction = options.eviction;

  const uint64_t resident_before = ResidentBytes();
  auto keyspace = storage::Keyspace::Create(keyspace_options, &clock);
  if (!keyspace.ok()) return keyspace.status();
  storage::SetOptions set;
  for (uint64_t i = 0; i < options.keys; ++i) {
    const TimePoint now = kStart + Millis(i / kSetsPerMilli);
    if (options.ttl.has_value()) {
      set.expires_at = now + Millis(absl::ToInt64Milliseconds(*options.ttl));
    }
    const auto result = (*keyspace)->Set(key(i), value, set, now);
    if (!result.ok()) return result.status();
  }
  MemoryFillReport report;
  report.resident_bytes = ResidentBytes() - resident_before;
  report.entries = (*keyspace)->Stats().entries;
  report.usage = (*keyspace)->Memory();
  return report;
}

}  // namespace larder::bench
