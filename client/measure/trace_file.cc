#include "client/measure/trace_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace larder::load {
namespace {

absl::Status Failed(const std::string& path, int error) {
  const std::string message = absl::StrCat(path, ": ", std::strerror(error));
  return error == ENOENT ? absl::NotFoundError(message) : absl::InternalError(message);
}

int OpenDescriptor(const std::string& path) {
  if (path == "-") return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
  while (true) {
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0 || errno != EINTR) return descriptor;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<TraceFile>> TraceFile::Open(const std::string& path) {
  const int descriptor = OpenDescriptor(path);
  if (descriptor < 0) return Failed(path, errno);
  std::unique_ptr<TraceFile> file(new TraceFile(path == "-" ? "stdin" : path, descriptor));
  struct stat info;
  if (fstat(descriptor, &info) != 0) return Failed(file->path_, errno);
  if (S_ISDIR(info.st_mode)) return Failed(file->path_, EISDIR);
  if (S_ISREG(info.st_mode)) file->file_bytes_ = static_cast<uint64_t>(info.st_size);
  return file;
}

TraceFile::~TraceFile() { close(descriptor_); }

bool TraceFile::WaitReadable(absl::Duration timeout) const {
  pollfd wanted = {.fd = descriptor_, .events = POLLIN, .revents = 0};
  const timespec limit = absl::ToTimespec(timeout);
  // An error is for Read to report.
  return ppoll(&wanted, 1, timeout == absl::InfiniteDuration() ? nullptr : &limit, nullptr) > 0;
}

absl::StatusOr<size_t> TraceFile::Read(uint8_t* bytes, size_t bytes_max) {
  while (true) {
    const ssize_t count = read(descriptor_, bytes, bytes_max);
    if (count >= 0) {
      read_bytes_ += static_cast<uint64_t>(count);
      return static_cast<size_t>(count);
    }
    if (errno != EINTR) return Failed(path_, errno);
  }
}

std::optional<double> TraceFile::Progress() const {
  if (!file_bytes_) return std::nullopt;
  if (*file_bytes_ == 0) return 1;
  return std::min(1.0, static_cast<double>(read_bytes_) / static_cast<double>(*file_bytes_));
}

}  // namespace larder::load
