#ifndef LARDER_TESTS_BENCH_CHILD_PROCESS_H_
#define LARDER_TESTS_BENCH_CHILD_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace larder::bench {

// A program that this one started. It ends with this object, or when this process dies.
// Not thread-safe; to be used by the main thread only, whose death is what the child is told of.
class ChildProcess {
 public:
  // The program is looked for on PATH. Its standard output can be read here; its errors are ours.
  // NOT_FOUND: it is not installed.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(
      const std::vector<std::string>& arguments);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  const std::string& name() const { return name_; }  // as it was started
  bool HasEnded();

  // All that it prints until it ends. DEADLINE_EXCEEDED: it does not end in time. INTERNAL: it
  // ended with another code than 0.
  absl::StatusOr<std::string> ReadUntilEnd(absl::Duration timeout);

 private:
  ChildProcess(pid_t pid, int output, std::string name)
      : pid_(pid), output_(output), name_(std::move(name)) {}

  const pid_t pid_;
  const int output_;  // read end of a pipe
  const std::string name_;
  bool is_reaped_ = false;
  int wait_status_ = 0;
};

// Where the program is: the name itself if it has a slash, else as found on PATH. Empty: nowhere.
std::string FindProgram(const std::string& name);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_CHILD_PROCESS_H_
