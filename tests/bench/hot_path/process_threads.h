#ifndef LARDER_TESTS_BENCH_HOT_PATH_PROCESS_THREADS_H_
#define LARDER_TESTS_BENCH_HOT_PATH_PROCESS_THREADS_H_

#include <sys/types.h>

#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace larder::bench {

// The threads that the process has now: /proc/PID/task. NOT_FOUND: it has ended.
inline absl::StatusOr<std::vector<pid_t>> ThreadsOf(pid_t pid) {
  std::vector<pid_t> threads;
  std::error_code error;
  std::filesystem::directory_iterator folders(absl::StrCat("/proc/", pid, "/task"), error);
  for (; !error && folders != std::filesystem::directory_iterator(); folders.increment(error)) {
    pid_t thread = 0;
    if (absl::SimpleAtoi(folders->path().filename().string(), &thread)) threads.push_back(thread);
  }
  if (error) return absl::NotFoundError(absl::StrCat("/proc/", pid, "/task: ", error.message()));
  return threads;
}

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_PROCESS_THREADS_H_
