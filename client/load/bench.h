#ifndef LARDER_CLIENT_LOAD_BENCH_H_
#define LARDER_CLIENT_LOAD_BENCH_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/load/engine.h"
#include "client/load/report.h"
#include "client/load/workload.h"

namespace larder::load {

// What options may be.
inline constexpr int kThreadsMax = 256;
inline constexpr int kConnectionsMax = 16384;
inline constexpr int kInflightMax = 65536;
inline constexpr double kRateMin = 0.001;
inline constexpr double kRateMax = 1e7;
inline constexpr absl::Duration kBenchDurationMin = absl::Milliseconds(1);
inline constexpr absl::Duration kBenchDurationMax = absl::Hours(876000);  // a clock holds 292 years

struct BenchOptions {
  EngineOptions engine;  // `connections` is the sum over all threads
  WorkloadOptions workload;
  bool fill = false;  // write each key once, instead of a mixed load
  int threads = 1;
  absl::Duration duration = absl::Seconds(10);
  std::optional<uint64_t> requests;  // ends by count, not by time
  // Operations a second to begin, whatever the answers (open loop): latency counts from when an
  // operation was due, so that a stall of the node shows in all that it delayed. Absent: a closed
  // loop, in which an answer begins the next operation.
  std::optional<double> rate;
  std::function<void(const Progress&)> progress;  // twice a second, on the calling thread
  const std::atomic<bool>* stop = nullptr;        // true: end early
};

// INVALID_ARGUMENT names an option that is out of range, first of all, and what it may be.
absl::Status CheckBenchOptions(const BenchOptions& options);

// Runs a load and blocks until it is over. Memory is constant. Errors of operations are counted in
// the report; after ten seconds of nothing but errors the load ends early. Errors: those of
// CheckBenchOptions.
absl::StatusOr<Report> RunBench(const BenchOptions& options);

}  // namespace larder::load

#endif  // LARDER_CLIENT_LOAD_BENCH_H_
