#include "tests/testing/link_proxy/link_proxy.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/loopback.h"

namespace larder::link_proxy {
namespace {

constexpr uint64_t kListenerTag = 0;
constexpr uint64_t kControlTag = 1;
constexpr uint64_t kLinkTags = 2;  // two for each link from here on
constexpr size_t kReadBytes = size_t{64} << 10;
// How long who is reset is given to take what passed before.
constexpr int kDeliveryPollMs = 1;

int64_t Now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

absl::Status SystemError(const char* what) {
  return absl::InternalError(absl::StrCat(what, ": ", std::strerror(errno)));
}

void Reset(FileDescriptor& socket) {
  const linger abrupt{1, 0};
  setsockopt(socket.number(), SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
  socket.Close();
}

// Bytes that the peer's system has not taken yet.
bool IsDelivered(const FileDescriptor& socket) {
  int unsent = 0;
  return ioctl(socket.number(), SIOCOUTQ, &unsent) != 0 || unsent == 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LinkProxy>> LinkProxy::Create(const Options& options) {
  std::unique_ptr<LinkProxy> proxy(new LinkProxy(options));
  const absl::Status status = proxy->Open();
  if (!status.ok()) return status;
  return proxy;
}

absl::Status LinkProxy::Open() {
  listener_ = FileDescriptor(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int yes = 1;
  sockaddr_in address = LoopbackAddress(options_.listen_port);
  socklen_t bytes = sizeof address;
  setsockopt(listener_.number(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (!listener_.is_open() ||
      bind(listener_.number(), reinterpret_cast<sockaddr*>(&address), bytes) != 0 ||
      listen(listener_.number(), SOMAXCONN) != 0 ||
      getsockname(listener_.number(), reinterpret_cast<sockaddr*>(&address), &bytes) != 0) {
    return SystemError("cannot listen");
  }
  port_ = ntohs(address.sin_port);
  poll_ = FileDescriptor(epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kListenerTag;
  if (!poll_.is_open() ||
      epoll_ctl(poll_.number(), EPOLL_CTL_ADD, listener_.number(), &event) != 0) {
    return SystemError("cannot wait for connections");
  }
  event.data.u64 = kControlTag;
  if (epoll_ctl(poll_.number(), EPOLL_CTL_ADD, options_.control_in, &event) != 0) {
    return SystemError("cannot wait for the control connection");
  }
  return absl::OkStatus();
}

absl::Status LinkProxy::Run() {
  while (!has_quit_) {
    epoll_event events[64];
    const int count = epoll_wait(poll_.number(), events, 64, TimeoutMs());
    if (count < 0 && errno != EINTR) return SystemError("cannot wait");
    for (int i = 0; i < count && !has_quit_; ++i) OnReady(events[i].data.u64, events[i].events);
    for (auto& [number, link] : links_) {
      if (link.is_open) Serve(number, link);
    }
  }
  return absl::OkStatus();
}

void LinkProxy::OnReady(uint64_t tag, uint32_t events) {
  if (tag == kListenerTag) return Accept();
  if (tag == kControlTag) {
    if (!ReadControl()) has_quit_ = true;
    return;
  }
  const auto found = links_.find((tag - kLinkTags) / 2);
  if (found == links_.end() || !found->second.is_open) return;
  Link& link = found->second;
  const bool is_client = (tag - kLinkTags) % 2 == 0;
  FileDescriptor& socket = is_client ? link.client : link.target;
  Flow& from_there = is_client ? link.forward : link.backward;
  // What came before a reset is read before it.
  const bool is_alive = from_there.WantsInput() && (events & ~uint32_t{EPOLLOUT}) != 0
                            ? Read(socket.number(), from_there)
                            : (events & EPOLLERR) == 0;
  if (!is_alive) End(link, true);
}

void LinkProxy::Accept() {
  for (;;) {
    FileDescriptor client(
        accept4(listener_.number(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client.is_open()) return;
    FileDescriptor target(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const sockaddr_in address = LoopbackAddress(options_.target_port);
    const bool is_connecting =
        target.is_open() && !is_refusing_ &&
        (connect(target.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
             0 ||
         errno == EINPROGRESS);
    if (!is_connecting) {
      Reset(client);
      continue;
    }
    const int yes = 1;
    setsockopt(client.number(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(target.number(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    const uint64_t number = ++links_made_;
    Link& link = links_[number];
    link.client = std::move(client);
    link.target = std::move(target);
    link.forward.SetRule(forward_rule_);
    link.backward.SetRule(backward_rule_);
    if (forward_fault_.kind != LinkFault::Kind::kNone) link.forward.Arm(forward_fault_);
    if (backward_fault_.kind != LinkFault::Kind::kNone) link.backward.Arm(backward_fault_);
    epoll_event event{};
    event.data.u64 = kLinkTags + 2 * number;
    epoll_ctl(poll_.number(), EPOLL_CTL_ADD, link.client.number(), &event);
    ++event.data.u64;
    epoll_ctl(poll_.number(), EPOLL_CTL_ADD, link.target.number(), &event);
  }
}

void LinkProxy::Serve(uint64_t number, Link& link) {
  const bool is_alive = Write(link.target.number(), link.forward, link.shut_target) &&
                        Write(link.client.number(), link.backward, link.shut_client);
  if (!is_alive) return End(link, true);
  OnFired(link, link.forward.Fired(), link.forward);
  if (link.is_open) OnFired(link, link.backward.Fired(), link.backward);
  if (!link.is_open) return;
  if (link.forward.IsFinished() && link.backward.IsFinished()) return End(link, false);
  Watch(number, link);
}

bool LinkProxy::Read(int from, Flow& flow) {
  char buffer[kReadBytes];
  const ssize_t bytes = recv(from, buffer, sizeof buffer, 0);
  if (bytes > 0) {
    flow.Push({buffer, static_cast<size_t>(bytes)}, Now());
  } else if (bytes == 0) {
    flow.PushEnd();
  } else {
    return errno == EAGAIN || errno == EINTR;
  }
  return true;
}

bool LinkProxy::Write(int to, Flow& flow, bool& is_shut) {
  const int64_t now = Now();
  for (std::string_view due = flow.Due(now); !due.empty(); due = flow.Due(now)) {
    const ssize_t bytes = send(to, due.data(), due.size(), MSG_NOSIGNAL);
    // ENOTCONN: it still connects.
    if (bytes < 0) return errno == EAGAIN || errno == EINTR || errno == ENOTCONN;
    flow.Sent(static_cast<size_t>(bytes));
  }
  if (flow.IsFinished() && !flow.is_stalled() && !is_shut) {
    is_shut = shutdown(to, SHUT_WR) == 0;
  }
  return true;
}

void LinkProxy::Watch(uint64_t number, Link& link) {
  const int64_t now = Now();
  const auto watch = [this, now](const FileDescriptor& socket, uint64_t tag, const Flow& from_there,
                                 const Flow& to_there) {
    epoll_event event{};
    event.data.u64 = tag;
    if (from_there.WantsInput()) event.events |= EPOLLIN;
    if (!to_there.Due(now).empty()) event.events |= EPOLLOUT;
    epoll_ctl(poll_.number(), EPOLL_CTL_MOD, socket.number(), &event);
  };
  watch(link.client, kLinkTags + 2 * number, link.forward, link.backward);
  watch(link.target, kLinkTags + 2 * number + 1, link.backward, link.forward);
}

void LinkProxy::OnFired(Link& link, LinkFault::Kind kind, Flow& flow) {
  if (kind == LinkFault::Kind::kNone) return;
  if (flow.TakeOnce()) {
    LinkFault& armed = &flow == &link.forward ? forward_fault_ : backward_fault_;
    if (armed.is_once) armed = {};
  }
  if (kind == LinkFault::Kind::kStall) return;
  // A reset would take back what the peer's system does not have yet.
  const FileDescriptor& receiver = &flow == &link.forward ? link.target : link.client;
  if (kind == LinkFault::Kind::kReset && !IsDelivered(receiver)) return;
  End(link, kind == LinkFault::Kind::kReset);
}

void LinkProxy::End(Link& link, bool is_reset) {
  link.is_open = false;
  for (FileDescriptor* socket : {&link.client, &link.target}) {
    if (is_reset) {
      Reset(*socket);
    } else {
      // Bytes that nobody has read would make a reset of it.
      char rest[4096];
      shutdown(socket->number(), SHUT_WR);
      for (int i = 0; i < 64 && recv(socket->number(), rest, sizeof rest, 0) > 0; ++i) {
      }
      socket->Close();
    }
  }
}

int LinkProxy::TimeoutMs() const {
  const int64_t now = Now();
  int64_t timeout = -1;
  const auto at_most = [&timeout](int64_t ms) {
    timeout = timeout < 0 ? ms : std::min(timeout, ms);
  };
  for (const auto& [number, link] : links_) {
    if (!link.is_open) continue;
    for (const Flow* flow : {&link.forward, &link.backward}) {
      const int64_t due = flow->NextDue();
      if (due > now) at_most((due - now) / 1'000'000 + 1);
      if (flow->Fired() == LinkFault::Kind::kReset) at_most(kDeliveryPollMs);
    }
  }
  return static_cast<int>(std::min<int64_t>(timeout, 1000));
}

}  // namespace larder::link_proxy
