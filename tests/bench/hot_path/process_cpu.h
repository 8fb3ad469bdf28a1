#ifndef LARDER_TESTS_BENCH_HOT_PATH_PROCESS_CPU_H_
#define LARDER_TESTS_BENCH_HOT_PATH_PROCESS_CPU_H_

#include <sys/types.h>

#include <cstdint>
#include <ctime>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tests/bench/thread_time.h"

namespace larder::bench {

// Processor time of all threads of a process, in the kernel too: utime + stime of its
// /proc/PID/stat, but in nanoseconds instead of hundredths of a second. NOT_FOUND: it has ended.
inline absl::StatusOr<int64_t> ProcessCpuNanos(pid_t pid) {
  clockid_t clock;
  if (clock_getcpuclockid(pid, &clock) != 0) {
    return absl::NotFoundError(absl::StrCat("there is no process ", pid));
  }
  return ClockNanos(clock);
}

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_PROCESS_CPU_H_
