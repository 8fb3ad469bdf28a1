#include "tests/bench/resident_memory.h"

#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "tests/bench/labelled_number.h"

namespace larder::bench {

uint64_t ResidentBytes() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  unsigned long long pages = 0;
  const int fields = std::fscanf(file, "%*u %llu", &pages);
  std::fclose(file);
  return fields == 1 ? pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

absl::StatusOr<uint64_t> ResidentBytesOf(pid_t pid) {
  const auto kibibytes = ReadLabelledNumber(absl::StrCat("/proc/", pid, "/status"), "VmRSS:");
  if (kibibytes.has_value()) return *kibibytes * 1024;
  return absl::NotFoundError(absl::StrCat("there is no process ", pid));
}

}  // namespace larder::bench
