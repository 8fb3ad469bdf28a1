#include "tests/bench/hot_path/process_sleeps.h"

#include "absl/strings/str_cat.h"
#include "tests/bench/hot_path/process_threads.h"
#include "tests/bench/labelled_number.h"

namespace larder::bench {

absl::StatusOr<uint64_t> ProcessSleeps(pid_t pid) {
  const auto threads = ThreadsOf(pid);
  if (!threads.ok()) return threads.status();
  uint64_t sum = 0;
  for (const pid_t thread : *threads) {
    const auto sleeps = ReadLabelledNumber(absl::StrCat("/proc/", pid, "/task/", thread, "/status"),
                                           "voluntary_ctxt_switches:");
    sum += sleeps.value_or(0);  // nothing: it has just ended
  }
  return sum;
}

}  // namespace larder::bench
