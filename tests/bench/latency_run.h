#ifndef LARDER_TESTS_BENCH_LATENCY_RUN_H_
#define LARDER_TESTS_BENCH_LATENCY_RUN_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "client/measure/histogram.h"
#include "tests/bench/operation_mix.h"

namespace larder::bench {

struct LatencyRunOptions {
  OperationMixOptions mix;
  uint64_t operations = 100000000;  // of a round
  // How many times the same operations are done, each time on a keyspace of its own.
  int rounds = 1;
  // Time on the processor, not by the wall, where a shared machine shows its neighbours.
  bool uses_cpu_clock = true;
};

// One of the slowest operations.
struct SlowOperation {
  MixedKind kind = MixedKind::kGet;
  uint64_t number = 0;  // how many operations came before
  uint64_t key_number = 0;
  size_t value_bytes = 0;
  int64_t nanos = 0;       // by the chosen clock
  int64_t wall_nanos = 0;  // what is more than `nanos` by the processor's clock was spent waiting
  // Involuntary context switches and page faults of the thread since at most 256 operations before.
  // Only known when the operation was slower than 500 us.
  int64_t preemptions = -1;
  int64_t page_faults = -1;
};

// How long the operations of one kind took.
struct Latencies {
  static constexpr int64_t kSlowNanos = 1000000;
  void Add(int64_t nanos) {
    histogram.Add(absl::Nanoseconds(nanos));
    if (nanos > kSlowNanos) ++over_1ms;
  }
  load::Histogram histogram;
  uint64_t over_1ms = 0;
};

// Latencies of all rounds together.
struct LatencyReport {
  std::array<Latencies, kMixedKindNames.size()> by_kind;
  Latencies all;
  // One computation on a few KiB, timed after each operation: what the machine does to whoever
  // runs on it, with no part of ours.
  Latencies control;
  std::vector<SlowOperation> slowest;               // 10 requests, the slowest first
  std::vector<SlowOperation> slowest_housekeeping;  // 10 of the others
  // What took over 1 ms in each round, in order, with the shortest of its times: the work of the
  // operation itself, since what the machine does comes to another one in another round.
  std::vector<SlowOperation> slow_in_each_round;
  int64_t clock_nanos = 0;  // what the clock itself adds to each operation
  uint64_t evictions = 0;
  uint64_t expirations = 0;
  int64_t preemptions = 0;
};

// Times each operation of a mix on this thread. INTERNAL: an operation failed, or the rounds were
// not the same.
absl::StatusOr<LatencyReport> RunLatency(const LatencyRunOptions& options);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_LATENCY_RUN_H_
