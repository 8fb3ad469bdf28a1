#ifndef LARDER_TESTS_BENCH_HOT_PATH_SYSTEM_CALL_COUNTER_H_
#define LARDER_TESTS_BENCH_HOT_PATH_SYSTEM_CALL_COUNTER_H_

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"

namespace larder::bench {

// Counts the system calls of another process from when it is made: what `perf stat -e
// raw_syscalls:sys_enter -p PID` counts. While there is one, each call costs that process a little.
class SystemCallCounter {
 public:
  // UNAVAILABLE: this machine does not let us count (no tracefs, no permission).
  static absl::StatusOr<SystemCallCounter> Start(pid_t pid);
  SystemCallCounter(SystemCallCounter&& other) = default;
  ~SystemCallCounter();

  // Counts those of all its threads, also those that began since. UNAVAILABLE: they cannot be read.
  absl::StatusOr<uint64_t> Read() const;

 private:
  SystemCallCounter() = default;

  std::vector<int> descriptors_;  // one for each thread
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_SYSTEM_CALL_COUNTER_H_
