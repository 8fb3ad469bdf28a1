#include "tests/bench/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

namespace larder::bench {
namespace {

constexpr int kExecFailed = 127;

// After fork: only what is safe there.
[[noreturn]] void BecomeProgram(const std::string& path, char* const* arguments, pid_t parent,
                                int output) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kExecFailed);
  dup2(output, STDOUT_FILENO);
  execv(path.c_str(), arguments);
  _exit(kExecFailed);
}

}  // namespace

std::string FindProgram(const std::string& name) {
  if (name.find('/') != std::string::npos) return access(name.c_str(), X_OK) == 0 ? name : "";
  const char* const path = std::getenv("PATH");
  for (const absl::string_view folder : absl::StrSplit(path != nullptr ? path : "", ':')) {
    const std::string candidate = absl::StrCat(folder, "/", name);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(
    const std::vector<std::string>& arguments) {
  const std::string path = FindProgram(arguments[0]);
  if (path.empty()) return absl::NotFoundError(absl::StrCat(arguments[0], " is not installed"));
  std::vector<char*> raw;
  for (const std::string& argument : arguments) raw.push_back(const_cast<char*>(argument.c_str()));
  raw.push_back(nullptr);
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) {
    return absl::InternalError(absl::StrCat("pipe: ", std::strerror(errno)));
  }
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) BecomeProgram(path, raw.data(), parent, pipe_ends[1]);
  close(pipe_ends[1]);
  if (pid < 0) {
    close(pipe_ends[0]);
    return absl::InternalError(absl::StrCat("fork: ", std::strerror(errno)));
  }
  return std::unique_ptr<ChildProcess>(new ChildProcess(pid, pipe_ends[0], arguments[0]));
}

ChildProcess::~ChildProcess() {
  close(output_);
  if (HasEnded()) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, &wait_status_, 0);
}

bool ChildProcess::HasEnded() {
  if (!is_reaped_) is_reaped_ = waitpid(pid_, &wait_status_, WNOHANG) == pid_;
  return is_reaped_;
}

absl::StatusOr<std::string> ChildProcess::ReadUntilEnd(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  std::string output;
  char buffer[4096];
  while (true) {
    const int64_t left_ms = absl::ToInt64Milliseconds(deadline - absl::Now());
    pollfd waited{output_, POLLIN, 0};
    if (left_ms <= 0 || poll(&waited, 1, static_cast<int>(left_ms)) == 0) {
      return absl::DeadlineExceededError(
          absl::StrCat(name_, " has not ended after ", absl::FormatDuration(timeout)));
    }
    const ssize_t count = read(output_, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    output.append(buffer, static_cast<size_t>(count));
  }
  // Its output is closed, so it is about to end.
  while (!HasEnded() && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(1));
  if (is_reaped_ && WIFEXITED(wait_status_) && WEXITSTATUS(wait_status_) == 0) return output;
  return absl::InternalError(
      absl::StrCat(name_, WIFEXITED(wait_status_) ? " ended with code " : " was ended by signal ",
                   WIFEXITED(wait_status_) ? WEXITSTATUS(wait_status_) : WTERMSIG(wait_status_)));
}

}  // namespace larder::bench
