#include "server/metrics_page/process_figures.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>

namespace larder::server {
namespace {

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double Now(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// Field `number` of /proc/self/stat, counted from 1 as in proc(5); 3 or more.
double StatField(int number) {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  // The name of the program, field 2, ends with the last parenthesis.
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= number; ++i) fields >> field;
  double value = 0;
  std::istringstream(field) >> value;
  return value;
}

uint64_t OpenDescriptors() {
  // Linux 6.2 and later say it by the size; before, it is 0.
  struct stat folder{};
  if (::stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0) {
    return static_cast<uint64_t>(folder.st_size);
  }
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc/self/fd", error);
  uint64_t count = 0;
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) ++count;
  return count;
}

}  // namespace

uint64_t ReadResidentBytes() {
  uint64_t pages = 0;
  uint64_t resident_pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident_pages;
  return resident_pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

ProcessFigures ReadProcessFigures() {
  constexpr int kThreadsField = 20;
  constexpr int kStartTimeField = 22;  // in clock ticks since boot
  constexpr int kVirtualBytesField = 23;
  ProcessFigures figures;
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    figures.cpu_seconds = Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
  }
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
    figures.open_descriptors_max = descriptors.rlim_cur;
  }
  figures.start_time_seconds =
      Now(CLOCK_REALTIME) - Now(CLOCK_BOOTTIME) +
      StatField(kStartTimeField) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  figures.resident_bytes = ReadResidentBytes();
  figures.virtual_bytes = static_cast<uint64_t>(StatField(kVirtualBytesField));
  figures.threads = static_cast<uint64_t>(StatField(kThreadsField));
  figures.open_descriptors = OpenDescriptors();
  return figures;
}

}  // namespace larder::server
