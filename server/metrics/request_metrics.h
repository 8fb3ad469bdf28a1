#ifndef LARDER_SERVER_METRICS_REQUEST_METRICS_H_
#define LARDER_SERVER_METRICS_REQUEST_METRICS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/metrics/method.h"

namespace larder::server {

// Upper bounds of the latency histogram, in nanoseconds; a last bucket takes what is longer.
inline constexpr std::array<int64_t, 20> kLatencyBounds = {
    5'000,       10'000,        20'000,        50'000,        100'000,
    200'000,     500'000,       1'000'000,     2'000'000,     5'000'000,
    10'000'000,  20'000'000,    50'000'000,    100'000'000,   200'000'000,
    500'000'000, 1'000'000'000, 2'000'000'000, 5'000'000'000, 10'000'000'000,
};

// Counts and latencies of finished requests, by method. Thread-safe: Record adds to counters of the
// CPU that it runs on, without a lock or an allocation; Read adds the CPUs up.
class RequestMetrics {
 public:
  static constexpr size_t kCodes = 17;  // gRPC's, 0..16
  static constexpr size_t kBuckets = kLatencyBounds.size() + 1;

  struct MethodFigures {
    std::array<uint64_t, kCodes> codes{};
    std::array<uint64_t, kBuckets> buckets{};  // not cumulative
    int64_t nanoseconds = 0;                   // sum
    uint64_t count() const;
  };
  using Figures = std::array<MethodFigures, kMethods>;

  RequestMetrics();

  // So many requests that took as long each.
  void Record(Method method, absl::StatusCode code, absl::Duration took, uint64_t count = 1);

  Figures Read() const;

 private:
  static constexpr size_t kShards = 16;

  struct alignas(64) Shard {
    struct Counters {
      std::array<std::atomic<uint64_t>, kCodes> codes{};
      std::array<std::atomic<uint64_t>, kBuckets> buckets{};
      std::atomic<int64_t> nanoseconds{0};
    };
    std::array<Counters, kMethods> methods;
  };

  const std::unique_ptr<std::array<Shard, kShards>> shards_;
};

// "OK", "NOT_FOUND" and so on.
std::string_view CodeName(size_t code);

}  // namespace larder::server

#endif  // LARDER_SERVER_METRICS_REQUEST_METRICS_H_
