#ifndef LARDER_TESTS_BENCH_MEMORY_FILL_H_
#define LARDER_TESTS_BENCH_MEMORY_FILL_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/keyspace.h"

namespace larder::bench {

struct MemoryFillOptions {
  uint64_t keys = 1000000;
  size_t key_bytes = 16;
  size_t value_bytes = 100;
  std::optional<absl::Duration> ttl;  // of every entry
  storage::EvictionKind eviction = storage::EvictionKind::kS3Fifo;
  std::optional<uint64_t> memory_bytes;  // absent: enough for all
};

struct MemoryFillReport {
  uint64_t entries = 0;         // in the keyspace at the end
  uint64_t resident_bytes = 0;  // by which the process grew, the empty keyspace included
  storage::MemoryUsage usage;
};

// INVALID_ARGUMENT names the flag that is out of range.
absl::Status CheckOptions(const MemoryFillOptions& options);

// Fills a keyspace and says what that took of this process' memory.
absl::StatusOr<MemoryFillReport> FillKeyspace(const MemoryFillOptions& options);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_MEMORY_FILL_H_
