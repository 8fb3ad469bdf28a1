#ifndef LARDER_TESTS_BENCH_HOT_PATH_PROCESS_SLEEPS_H_
#define LARDER_TESTS_BENCH_HOT_PATH_PROCESS_SLEEPS_H_

#include <sys/types.h>

#include <cstdint>

#include "absl/status/statusor.h"

namespace larder::bench {

// How often the threads that the process has now have given up their processors to wait for
// something: voluntary_ctxt_switches of their /proc/PID/task/*/status. NOT_FOUND: it has ended.
absl::StatusOr<uint64_t> ProcessSleeps(pid_t pid);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_PROCESS_SLEEPS_H_
