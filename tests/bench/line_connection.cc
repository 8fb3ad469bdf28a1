#include "tests/bench/line_connection.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "tests/loopback.h"

namespace larder::bench {
namespace {

constexpr int kTimeoutSeconds = 30;

absl::Status Unavailable(std::string_view what) {
  return absl::UnavailableError(absl::StrCat(std::string(what), ": ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<LineConnection>> LineConnection::Open(uint16_t port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return Unavailable("socket");
  std::unique_ptr<LineConnection> connection(new LineConnection(descriptor));
  const timeval timeout{kTimeoutSeconds, 0};
  setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
  const sockaddr_in address = LoopbackAddress(port);
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return Unavailable("connect");
  }
  return connection;
}

LineConnection::~LineConnection() { close(descriptor_); }

absl::Status LineConnection::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return Unavailable("send");
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> LineConnection::ReadLine() {
  while (true) {
    const size_t end = input_.find('\n', begin_);
    if (end != std::string::npos) {
      std::string line = input_.substr(begin_, end - begin_);
      if (!line.empty() && line.back() == '\r') line.pop_back();
      begin_ = end + 1;
      return line;
    }
    input_.erase(0, begin_);
    begin_ = 0;
    char buffer[16384];
    const ssize_t count = recv(descriptor_, buffer, sizeof(buffer), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) return absl::UnavailableError("the server has closed the connection");
    if (count < 0) return Unavailable("recv");
    input_.append(buffer, static_cast<size_t>(count));
  }
}

absl::StatusOr<uint16_t> FreePort() {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = LoopbackAddress(0);
  socklen_t size = sizeof(address);
  const bool is_bound =
      descriptor >= 0 &&
      bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  if (descriptor >= 0) close(descriptor);
  if (!is_bound) return absl::InternalError(absl::StrCat("no free port: ", std::strerror(errno)));
  return ntohs(address.sin_port);
}

}  // namespace larder::bench
