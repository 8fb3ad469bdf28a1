#include "tests/bench/hot_path/floor_loop.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "tests/loopback.h"

namespace larder::bench {
namespace {

constexpr size_t kBufferBytes = 256 << 10;
constexpr int kEventsMax = 64;

absl::Status Internal(const char* what) {
  return absl::InternalError(absl::StrCat(what, ": ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<FloorLoop>> FloorLoop::Listen(uint16_t port,
                                                             const WireSizes& sizes) {
  std::unique_ptr<FloorLoop> loop(
      new FloorLoop(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
                    epoll_create1(EPOLL_CLOEXEC), sizes));
  const int on = 1;
  sockaddr_in address = LoopbackAddress(port);
  socklen_t address_bytes = sizeof(address);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = loop->listener_;
  if (setsockopt(loop->listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      bind(loop->listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(loop->listener_, SOMAXCONN) != 0 ||
      getsockname(loop->listener_, reinterpret_cast<sockaddr*>(&address), &address_bytes) != 0 ||
      epoll_ctl(loop->epoll_, EPOLL_CTL_ADD, loop->listener_, &event) != 0) {
    return Internal("listen");
  }
  loop->port_ = ntohs(address.sin_port);
  return loop;
}

FloorLoop::FloorLoop(int listener, int epoll, const WireSizes& sizes)
    : listener_(listener),
      epoll_(epoll),
      sizes_(sizes),
      input_(kBufferBytes),
      output_(kBufferBytes, 'a') {}

FloorLoop::~FloorLoop() {
  close(listener_);
  close(epoll_);
}

absl::Status FloorLoop::Run(uint64_t connections_max) {
  epoll_event events[kEventsMax];
  uint64_t ended = 0;
  while (connections_max == 0 || ended < connections_max) {
    const int count = epoll_wait(epoll_, events, kEventsMax, /*timeout=*/-1);
    if (count < 0 && errno != EINTR) return Internal("epoll_wait");
    for (int i = 0; i < count; ++i) {
      const int descriptor = events[i].data.fd;
      if (descriptor == listener_) {
        Accept();
      } else if (!Receive(descriptor) || !Send(descriptor)) {
        close(descriptor);
        ++ended;
      }
    }
  }
  return absl::OkStatus();
}

void FloorLoop::Accept() {
  const int descriptor = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (descriptor < 0) return;
  const int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (connections_.size() <= static_cast<size_t>(descriptor)) connections_.resize(descriptor + 1);
  connections_[descriptor] = {};
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = descriptor;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) close(descriptor);
}

bool FloorLoop::Receive(int descriptor) {
  Connection& connection = connections_[descriptor];
  const ssize_t count = recv(descriptor, input_.data(), input_.size(), 0);
  if (count == 0) return false;
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  connection.received_bytes += static_cast<uint64_t>(count);
  const uint64_t requests = connection.received_bytes / sizes_.request_bytes;
  connection.received_bytes %= sizes_.request_bytes;
  connection.owed_bytes += requests * sizes_.answer_bytes;
  return true;
}

bool FloorLoop::Send(int descriptor) {
  Connection& connection = connections_[descriptor];
  while (connection.owed_bytes > 0) {
    const size_t bytes = std::min<uint64_t>(connection.owed_bytes, output_.size());
    const ssize_t count = send(descriptor, output_.data(), bytes, MSG_NOSIGNAL);
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0) return false;
    connection.owed_bytes -= static_cast<uint64_t>(count);
  }
  const bool awaits_room = connection.owed_bytes > 0;
  if (awaits_room == connection.awaits_room) return true;
  connection.awaits_room = awaits_room;
  epoll_event event{};
  event.events = awaits_room ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.fd = descriptor;
  return epoll_ctl(epoll_, EPOLL_CTL_MOD, descriptor, &event) == 0;
}

}  // namespace larder::bench
