#include "server/state_file/state_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "server/state_file/state_record.h"

namespace larder::server {
namespace {

// Longer than any state with its head and checksum.
constexpr size_t kFileBytesMax = StateFile::kStateBytesMax + 64;
constexpr size_t kProcessIdBytesMax = 16;

absl::Status Refuse(const std::string& path, const char* why) {
  return absl::FailedPreconditionError(absl::StrCat(path, ": ", why));
}

absl::Status WriteError(const std::string& path, const char* step) {
  const int error = errno;
  const std::string text =
      absl::StrCat(path, ": cannot ", step, " the node's state: ", std::strerror(error));
  const bool is_full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return is_full ? absl::ResourceExhaustedError(text) : absl::UnavailableError(text);
}

// False: errno says why.
bool WriteAll(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(file, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

// Up to `bytes_max`; false: errno says why.
bool ReadAll(int file, size_t bytes_max, std::string* bytes) {
  char buffer[16384];
  while (bytes->size() <= bytes_max) {
    const ssize_t count = read(file, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    if (count == 0) return true;
    bytes->append(buffer, static_cast<size_t>(count));
  }
  return true;
}

// Who holds the lock, for people to see.
std::string HolderOf(const FileDescriptor& lock) {
  std::string id;
  if (!ReadAll(lock.number(), kProcessIdBytesMax, &id) || id.empty()) return "another process";
  if (id.find_first_not_of("0123456789") != std::string::npos) return "another process";
  return absl::StrCat("process ", id);
}

}  // namespace

absl::StatusOr<std::unique_ptr<StateFile>> StateFile::Open(const std::string& folder) {
  const bool is_new = mkdir(folder.c_str(), 0700) == 0;
  if (!is_new && errno != EEXIST) return Refuse(folder, std::strerror(errno));
  // The folder's own name must be on disk before anything in it counts; whoever made it may have
  // crashed before it was. Where the folder above may not be read, it was not made by us.
  const FileDescriptor above(
      open(absl::StrCat(folder, "/..").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const bool is_synced = above.is_open() && fsync(above.number()) == 0;
  const bool may_not_be_read = !is_new && !above.is_open() && (errno == EACCES || errno == ENOTDIR);
  if (!is_synced && !may_not_be_read) return Refuse(folder, std::strerror(errno));
  FileDescriptor directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open()) return Refuse(folder, std::strerror(errno));
  const std::string lock_path = absl::StrCat(folder, "/", kLockName);
  FileDescriptor lock(open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.is_open()) return Refuse(lock_path, std::strerror(errno));
  if (flock(lock.number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return Refuse(lock_path, std::strerror(errno));
    return absl::FailedPreconditionError(
        absl::StrCat(folder, ": ", HolderOf(lock), " uses this folder"));
  }
  // What it says is for people; the lock itself is the system's and ends with the process.
  if (ftruncate(lock.number(), 0) != 0 || !WriteAll(lock.number(), absl::StrCat(getpid()))) {
    return Refuse(lock_path, std::strerror(errno));
  }
  return std::unique_ptr<StateFile>(new StateFile(folder, std::move(directory), std::move(lock)));
}

StateFile::StateFile(std::string folder, FileDescriptor directory, FileDescriptor lock)
    : path_(absl::StrCat(folder, "/", kFileName)),
      temporary_path_(absl::StrCat(folder, "/", kTemporaryName)),
      directory_(std::move(directory)),
      lock_(std::move(lock)) {}

absl::StatusOr<std::optional<std::string>> StateFile::Read() const {
  const FileDescriptor file(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open() && errno == ENOENT) return std::optional<std::string>();
  std::string record;
  if (!file.is_open() || !ReadAll(file.number(), kFileBytesMax, &record)) {
    return absl::UnavailableError(
        absl::StrCat(path_, ": cannot read the node's state: ", std::strerror(errno)));
  }
  absl::StatusOr<std::string> state = DecodeStateRecord(record);
  if (!state.ok()) {
    return absl::DataLossError(
        absl::StrCat(path_, ": the node's state is damaged: ", state.status().message()));
  }
  return std::optional<std::string>(*std::move(state));
}

absl::Status StateFile::Write(std::string_view state) {
  if (state.size() > kStateBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("a node's state of ", state.size(), " bytes; at most ", kStateBytesMax));
  }
  absl::Status written = WriteTemporary(EncodeStateRecord(state));
  if (written.ok() && rename(temporary_path_.c_str(), path_.c_str()) != 0) {
    written = WriteError(path_, "replace");
  }
  if (!written.ok()) {
    unlink(temporary_path_.c_str());
    return written;
  }
  // The name is on disk only once the folder is.
  if (fsync(directory_.number()) != 0) return WriteError(path_, "sync the folder of");
  return absl::OkStatus();
}

absl::Status StateFile::WriteTemporary(std::string_view bytes) {
  const FileDescriptor file(
      open(temporary_path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file.is_open()) return WriteError(temporary_path_, "create");
  if (!WriteAll(file.number(), bytes)) return WriteError(temporary_path_, "write");
  if (fsync(file.number()) != 0) return WriteError(temporary_path_, "sync");
  return absl::OkStatus();
}

}  // namespace larder::server
