#include "server/bus/cluster_secret.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/channel/file_descriptor.h"

namespace larder::server {
namespace {

absl::Status Refuse(const std::string& path, const std::string& why) {
  return absl::FailedPreconditionError(absl::StrCat("--cluster_secret_file: ", path, ": ", why));
}

}  // namespace

absl::StatusOr<std::string> ReadClusterSecret(const std::string& path) {
  // O_NONBLOCK: a named pipe is not to hang the node.
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) return Refuse(path, std::strerror(errno));
  std::string secret;
  char buffer[512];
  ssize_t count = 0;
  while ((count = read(file.number(), buffer, sizeof(buffer))) > 0) {
    secret.append(buffer, static_cast<size_t>(count));
    if (secret.size() > 2 * kClusterSecretBytesMax) break;
  }
  if (count < 0) return Refuse(path, std::strerror(errno));
  while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
  if (secret.size() < kClusterSecretBytesMin) {
    return Refuse(path, absl::StrCat("a secret of ", secret.size(), " bytes; at least ",
                                     kClusterSecretBytesMin));
  }
  if (secret.size() > kClusterSecretBytesMax) {
    return Refuse(path, absl::StrCat("longer than ", kClusterSecretBytesMax, " bytes"));
  }
  return secret;
}

bool IsSameSecret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace larder::server
