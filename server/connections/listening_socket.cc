#include "server/connections/listening_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace larder::server {
namespace {

constexpr int kBacklog = 4096;

absl::Status Unavailable(const Endpoint& endpoint, const char* reason) {
  return absl::UnavailableError(
      absl::StrCat("cannot listen on ", endpoint.ToString(), ": ", reason));
}

absl::StatusOr<Endpoint> BoundEndpoint(int socket) {
  sockaddr_storage address;
  socklen_t address_bytes = sizeof(address);
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &address_bytes) != 0) {
    return absl::InternalError(std::strerror(errno));
  }
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (::getnameinfo(reinterpret_cast<sockaddr*>(&address), address_bytes, host, sizeof(host), port,
                    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return absl::InternalError("getnameinfo failed");
  }
  uint32_t number = 0;
  if (!absl::SimpleAtoi(port, &number)) return absl::InternalError("getnameinfo gave no port");
  return Endpoint{host, static_cast<uint16_t>(number)};
}

}  // namespace

absl::StatusOr<ListeningSocket> Listen(const Endpoint& endpoint) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failure =
      ::getaddrinfo(endpoint.host.c_str(), absl::StrCat(endpoint.port).c_str(), &hints, &found);
  if (failure != 0) return Unavailable(endpoint, ::gai_strerror(failure));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);

  int last_error = 0;
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    FileDescriptor socket(
        ::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
    // SO_REUSEADDR only lets a restarted node have its port while old connections linger.
    const int on = 1;
    if (!socket.is_open() ||
        ::setsockopt(socket.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        ::bind(socket.number(), address->ai_addr, address->ai_addrlen) != 0 ||
        ::listen(socket.number(), kBacklog) != 0) {
      last_error = errno;
      continue;
    }
    absl::StatusOr<Endpoint> bound = BoundEndpoint(socket.number());
    if (!bound.ok()) return bound.status();
    return ListeningSocket{std::move(socket), *std::move(bound)};
  }
  return Unavailable(endpoint, std::strerror(last_error));
}

Accepted Accept(const FileDescriptor& listening) {
  using Outcome = Accepted::Outcome;
  FileDescriptor socket(
      ::accept4(listening.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (socket.is_open()) {
    const int on = 1;
    ::setsockopt(socket.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return {Outcome::kConnection, std::move(socket)};
  }
  const int error = errno;
  if (error == EAGAIN || error == EWOULDBLOCK) return {Outcome::kNoneWaits, {}};
  const bool is_out_of_resources =
      error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
  return {is_out_of_resources ? Outcome::kOutOfResources : Outcome::kGone, {}};
}

}  // namespace larder::server
