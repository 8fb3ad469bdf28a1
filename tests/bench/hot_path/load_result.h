#ifndef LARDER_TESTS_BENCH_HOT_PATH_LOAD_RESULT_H_
#define LARDER_TESTS_BENCH_HOT_PATH_LOAD_RESULT_H_

#include <cstdint>
#include <string>

#include "client/measure/histogram.h"

namespace larder::bench {

// What one run of a load generator brought.
struct LoadResult {
  load::Histogram latencies;  // of every operation, from when it was due
  uint64_t failures = 0;
  std::string first_failure;
  uint64_t sent_bytes = 0;
  uint64_t received_bytes = 0;
  int64_t elapsed_nanos = 0;
  int64_t cpu_nanos = 0;  // of the generator itself
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_LOAD_RESULT_H_
