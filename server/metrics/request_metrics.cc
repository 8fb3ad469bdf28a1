#include "server/metrics/request_metrics.h"

#include <sched.h>

#include <algorithm>
#include <numeric>

namespace larder::server {
namespace {

constexpr std::array<std::string_view, RequestMetrics::kCodes> kCodeNames = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
};

}  // namespace

std::string_view CodeName(size_t code) { return kCodeNames[code]; }

uint64_t RequestMetrics::MethodFigures::count() const {
  return std::accumulate(buckets.begin(), buckets.end(), uint64_t{0});
}

RequestMetrics::RequestMetrics() : shards_(std::make_unique<std::array<Shard, kShards>>()) {}

void RequestMetrics::Record(Method method, absl::StatusCode code, absl::Duration took,
                            uint64_t count) {
  const int64_t nanoseconds = std::max<int64_t>(absl::ToInt64Nanoseconds(took), 0);
  const size_t bucket =
      std::lower_bound(kLatencyBounds.begin(), kLatencyBounds.end(), nanoseconds) -
      kLatencyBounds.begin();
  const auto shard = static_cast<size_t>(std::max(::sched_getcpu(), 0)) % kShards;
  Shard::Counters& counters = (*shards_)[shard].methods[static_cast<size_t>(method)];
  const auto index = std::min(static_cast<size_t>(code), kCodes - 1);
  counters.codes[index].fetch_add(count, std::memory_order_relaxed);
  counters.buckets[bucket].fetch_add(count, std::memory_order_relaxed);
  counters.nanoseconds.fetch_add(nanoseconds * static_cast<int64_t>(count),
                                 std::memory_order_relaxed);
}

RequestMetrics::Figures RequestMetrics::Read() const {
  Figures figures;
  for (const Shard& shard : *shards_) {
    for (size_t method = 0; method < kMethods; ++method) {
      const Shard::Counters& counters = shard.methods[method];
      MethodFigures& sum = figures[method];
      for (size_t i = 0; i < kCodes; ++i) {
        sum.codes[i] += counters.codes[i].load(std::memory_order_relaxed);
      }
      for (size_t i = 0; i < kBuckets; ++i) {
        sum.buckets[i] += counters.buckets[i].load(std::memory_order_relaxed);
      }
      sum.nanoseconds += counters.nanoseconds.load(std::memory_order_relaxed);
    }
  }
  return figures;
}

}  // namespace larder::server
