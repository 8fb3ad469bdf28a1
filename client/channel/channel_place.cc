#include "client/channel/channel_place.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/channel/channel_link.h"
#include "client/channel/channel_loop.h"

namespace larder {

ChannelPlace::ChannelPlace(ChannelLoop* loop)
    : loop_(loop),
      backoff_(loop->target().options.backoff_initial, loop->target().options.backoff_max) {}

void ChannelPlace::Begin(ChannelCall& call) {
  if (state_ == State::kReady && waiting_.empty() && link_->rpc().CanStart()) {
    return link_->Start(call);
  }
  if (state_ == State::kBackoff && loop_->now() < retry_at_) {
    return loop_->Refuse(call, absl::StatusCode::kUnavailable, failure_);
  }
  waiting_.Push(call);
  if (state_ == State::kIdle || state_ == State::kBackoff) BeginConnect();
}

void ChannelPlace::StartWaiting() {
  if (state_ != State::kReady) return;
  while (!waiting_.empty() && link_->rpc().CanStart()) link_->Start(waiting_.Pop());
}

void ChannelPlace::OnReceived(const ChannelLink& link) {
  if (Has(link) && state_ == State::kConnecting && link.rpc().is_established()) {
    state_ = State::kReady;
  }
}

void ChannelPlace::OnSettled(ChannelLink& link) {
  if (!Has(link)) return;
  if (link.rpc().is_draining() && state_ == State::kReady) {
    Detach(link, "the connection is used up");
  } else {
    StartWaiting();
  }
}

void ChannelPlace::BeginConnect() {
  const ChannelTarget& target = loop_->target();
  state_ = State::kConnecting;
  connect_deadline_ = After(loop_->now(), target.options.connect_timeout);
  addresses_.clear();
  next_address_ = 0;
  failure_.clear();
  loop_->RequestTurn();  // which looks at the deadline
  const uint64_t attempt = ++attempts_;
  if (target.is_numeric) return OnResolved(ResolveAddress(target.options.address));
  ResolveAddressInBackground(target.options.address, [this, attempt, mailbox = loop_->mailbox()](
                                                         absl::StatusOr<Addresses> addresses) {
    mailbox->Post([this, attempt, addresses = std::move(addresses)] {
      if (attempts_ == attempt && state_ == State::kConnecting) OnResolved(addresses);
    });
  });
}

void ChannelPlace::OnResolved(absl::StatusOr<Addresses> addresses) {
  if (!addresses.ok()) {
    return FailConnect(std::string(addresses.status().message()), NextRetry());
  }
  addresses_ = *std::move(addresses);
  ConnectNext();
}

void ChannelPlace::ConnectNext() {
  while (next_address_ < addresses_.size()) {
    if (Connect(addresses_[next_address_++])) return;
  }
  FailConnect(failure_, NextRetry());
}

bool ChannelPlace::Connect(const SocketAddress& address) {
  FileDescriptor socket(
      ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (socket.is_open() && address.storage.ss_family != AF_UNIX) {
    setsockopt(socket.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  if (!socket.is_open() ||
      (connect(socket.number(), address.get(), address.bytes) != 0 && errno != EINPROGRESS)) {
    if (failure_.empty()) failure_ = absl::StrCat("cannot connect: ", std::strerror(errno));
    return false;
  }
  const ChannelTarget& target = loop_->target();
  std::unique_ptr<ChannelTlsSession> tls;
  if (target.options.tls != nullptr) {
    tls = std::make_unique<ChannelTlsSession>(target.options.tls, target.server_name);
    if (!tls->failure().empty()) {
      failure_ = tls->failure();
      return false;
    }
  }
  auto link = std::make_unique<ChannelLink>(loop_, this, std::move(socket), std::move(tls));
  if (!link->Watch()) {
    failure_ = absl::StrCat("cannot wait for a connection: ", std::strerror(errno));
    return false;
  }
  link_ = link.get();
  loop_->Add(std::move(link));
  return true;
}

LoopTime ChannelPlace::NextRetry() { return After(loop_->now(), backoff_.Next(loop_->Random())); }

void ChannelPlace::FailConnect(std::string why, LoopTime retry_at) {
  link_ = nullptr;
  state_ = State::kBackoff;
  retry_at_ = retry_at;
  failure_ = std::move(why);
  while (!waiting_.empty()) {
    loop_->Refuse(waiting_.Pop(), absl::StatusCode::kUnavailable, failure_);
  }
}

void ChannelPlace::Close(const std::string& why) { FailConnect(why, kNoTime); }

void ChannelPlace::ExpireConnect() {
  if (loop_->now() < connect_deadline()) return;
  ChannelLink* const link = link_;
  const absl::Duration timeout = loop_->target().options.connect_timeout;
  const bool is_in_handshake = link != nullptr && !link->is_connecting() && link->is_in_handshake();
  const std::string why = absl::StrCat("no connection within ", absl::FormatDuration(timeout),
                                       is_in_handshake ? ": the TLS handshake has not ended" : "");
  if (link != nullptr && next_address_ < addresses_.size()) {
    connect_deadline_ = After(loop_->now(), timeout);
    return link->Lose(why);  // and with it comes the next address
  }
  FailConnect(why, NextRetry());
  if (link != nullptr) link->Lose(why);
}

void ChannelPlace::Detach(ChannelLink& link, const std::string& why) {
  if (!Has(link)) return;
  link_ = nullptr;
  if (state_ == State::kConnecting) {
    // What a connection said that was made tells more than another address without one.
    if (!link.is_connecting() || failure_.empty()) failure_ = why;
    return ConnectNext();
  }
  // One that is good for nothing is no better than none.
  if (link.rpc().answers() == 0 && link.rpc().calls() == 0) return FailConnect(why, NextRetry());
  backoff_.Reset();
  state_ = State::kIdle;
  if (!waiting_.empty()) BeginConnect();
}

}  // namespace larder
