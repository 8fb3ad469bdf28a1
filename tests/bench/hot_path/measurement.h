#ifndef LARDER_TESTS_BENCH_HOT_PATH_MEASUREMENT_H_
#define LARDER_TESTS_BENCH_HOT_PATH_MEASUREMENT_H_

#include <cstdint>
#include <optional>

#include "tests/bench/hot_path/load_shape.h"

namespace larder::bench {

// One run of one workload on one server. Per operation, unless it says otherwise.
struct Measurement {
  LoadShape shape;
  uint64_t operations = 0;             // of the run
  double cpu_micros = 0;               // of the server's threads
  std::optional<double> system_calls;  // of the server; absent: not counted
  double sleeps = 0;                   // how often a thread of the server waited
  double operations_per_second = 0;    // of the run
  double p50_micros = 0;               // of the run's latencies
  double p99_micros = 0;
  double p999_micros = 0;
  double client_cpu_micros = 0;  // of the load generator
  double sent_bytes = 0;         // to the server
  double received_bytes = 0;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_MEASUREMENT_H_
