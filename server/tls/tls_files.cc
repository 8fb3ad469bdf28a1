#include "server/tls/tls_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/channel/file_descriptor.h"

namespace larder::server {
namespace {

// The most that is read of a file; a bundle of all public roots has a quarter of it.
constexpr size_t kFileBytesMax = size_t{1} << 20;

absl::Status Refuse(const char* flag, const std::string& path, const char* why) {
  return absl::FailedPreconditionError(absl::StrCat("--", flag, ": ", path, ": ", why));
}

absl::Status ReadFile(const char* flag, const std::string& path, std::string& text) {
  if (path.empty()) return absl::OkStatus();
  // O_NONBLOCK: a named pipe is not to hang the node.
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) return Refuse(flag, path, std::strerror(errno));
  struct stat info;
  if (fstat(file.number(), &info) != 0) return Refuse(flag, path, std::strerror(errno));
  if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
    return Refuse(flag, path, "no regular file, which could be read again");
  }
  char buffer[16384];
  ssize_t count = 0;
  while ((count = read(file.number(), buffer, sizeof(buffer))) > 0) {
    text.append(buffer, static_cast<size_t>(count));
    if (text.size() > kFileBytesMax) return Refuse(flag, path, "larger than 1 MiB");
  }
  if (count < 0) return Refuse(flag, path, std::strerror(errno));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TlsTexts> ReadTlsFiles(const TlsFiles& files) {
  TlsTexts texts;
  absl::Status status = ReadFile("tls_cert_file", files.cert_file, texts.certificates);
  if (status.ok()) status = ReadFile("tls_key_file", files.key_file, texts.key);
  if (status.ok()) status = ReadFile("tls_client_ca_file", files.client_ca_file, texts.client_ca);
  if (status.ok()) status = ReadFile("tls_peer_ca_file", files.peer_ca_file, texts.peer_ca);
  if (!status.ok()) return status;
  return texts;
}

}  // namespace larder::server
