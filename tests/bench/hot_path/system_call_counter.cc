#include "tests/bench/hot_path/system_call_counter.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/bench/hot_path/process_threads.h"

namespace larder::bench {
namespace {

absl::StatusOr<uint64_t> TracepointId() {
  for (const char* const folder : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
    std::ifstream file(absl::StrCat(folder, "/events/raw_syscalls/sys_enter/id"));
    uint64_t id = 0;
    if (file >> id) return id;
  }
  return absl::UnavailableError("no tracepoint raw_syscalls:sys_enter");
}

// A descriptor, or -1.
int OpenCounter(uint64_t tracepoint, pid_t thread) {
  constexpr int kAnyProcessor = -1;
  constexpr int kNoGroup = -1;
  perf_event_attr attributes{};
  attributes.size = sizeof(attributes);
  attributes.type = PERF_TYPE_TRACEPOINT;
  attributes.config = tracepoint;
  attributes.inherit = 1;
  return static_cast<int>(syscall(SYS_perf_event_open, &attributes, thread, kAnyProcessor, kNoGroup,
                                  PERF_FLAG_FD_CLOEXEC));
}

}  // namespace

absl::StatusOr<SystemCallCounter> SystemCallCounter::Start(pid_t pid) {
  const absl::StatusOr<uint64_t> tracepoint = TracepointId();
  if (!tracepoint.ok()) return tracepoint.status();
  const auto threads = ThreadsOf(pid);
  if (!threads.ok()) return absl::UnavailableError(threads.status().message());
  SystemCallCounter counter;
  for (const pid_t thread : *threads) {
    const int descriptor = OpenCounter(*tracepoint, thread);
    if (descriptor >= 0) {
      counter.descriptors_.push_back(descriptor);
    } else if (errno != ESRCH) {  // the thread has not just ended
      return absl::UnavailableError(absl::StrCat("perf_event_open: ", std::strerror(errno)));
    }
  }
  return counter;
}

SystemCallCounter::~SystemCallCounter() {
  for (const int descriptor : descriptors_) close(descriptor);
}

absl::StatusOr<uint64_t> SystemCallCounter::Read() const {
  uint64_t sum = 0;
  for (const int descriptor : descriptors_) {
    uint64_t count = 0;
    if (read(descriptor, &count, sizeof(count)) != sizeof(count)) {
      return absl::UnavailableError(absl::StrCat("perf event: ", std::strerror(errno)));
    }
    sum += count;
  }
  return sum;
}

}  // namespace larder::bench
