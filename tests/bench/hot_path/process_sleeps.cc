#include "tests/bench/hot_path/process_sleeps.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace larder::bench {
namespace {

uint64_t SleepsOf(const std::filesystem::path& thread) {
  std::ifstream file(thread / "status");
  for (std::string line; std::getline(file, line);) {
    absl::string_view rest = line;
    uint64_t count = 0;
    if (absl::ConsumePrefix(&rest, "voluntary_ctxt_switches:") && absl::SimpleAtoi(rest, &count)) {
      return count;
    }
  }
  return 0;  // the thread has just ended
}

}  // namespace

absl::StatusOr<uint64_t> ProcessSleeps(pid_t pid) {
  uint64_t sum = 0;
  std::error_code error;
  std::filesystem::directory_iterator threads(absl::StrCat("/proc/", pid, "/task"), error);
  for (; !error && threads != std::filesystem::directory_iterator(); threads.increment(error)) {
    sum += SleepsOf(threads->path());
  }
  if (error) return absl::NotFoundError(absl::StrCat("there is no process ", pid));
  return sum;
}

}  // namespace larder::bench
