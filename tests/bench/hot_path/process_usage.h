#ifndef LARDER_TESTS_BENCH_HOT_PATH_PROCESS_USAGE_H_
#define LARDER_TESTS_BENCH_HOT_PATH_PROCESS_USAGE_H_

#include <sys/types.h>

#include <cstdint>

#include "absl/status/statusor.h"
#include "tests/bench/hot_path/process_cpu.h"
#include "tests/bench/hot_path/process_sleeps.h"

namespace larder::bench {

// What a process has used and done so far.
struct ProcessUsage {
  int64_t cpu_nanos = 0;
  int64_t sleeps = 0;
};

// As ProcessCpuNanos and ProcessSleeps. NOT_FOUND: it has ended.
inline absl::StatusOr<ProcessUsage> UsageOfProcess(pid_t pid) {
  const auto cpu_nanos = ProcessCpuNanos(pid);
  if (!cpu_nanos.ok()) return cpu_nanos.status();
  const auto sleeps = ProcessSleeps(pid);
  if (!sleeps.ok()) return sleeps.status();
  return ProcessUsage{*cpu_nanos, static_cast<int64_t>(*sleeps)};
}

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_PROCESS_USAGE_H_
