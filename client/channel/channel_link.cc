#include "client/channel/channel_link.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "client/channel/channel_loop.h"
#include "client/channel/channel_place.h"

namespace larder {
namespace {

constexpr std::string_view kClosed = "closed by the server";

}  // namespace

ChannelLink::ChannelLink(ChannelLoop* loop, ChannelPlace* place, FileDescriptor socket,
                         std::unique_ptr<ChannelTlsSession> tls)
    : loop_(loop),
      place_(place),
      rpc_(loop->target().options.limits, loop->target().origin),
      socket_(std::move(socket), std::move(tls), &rpc_,
              loop->target().options.limits.session.output_bytes_max),
      received_at_(loop->now()) {}

bool ChannelLink::Watch() {
  events_ = EPOLLOUT;
  return loop_->events().Watch(socket_.number(), events_, this);
}

void ChannelLink::OnReady(uint32_t events) {
  if (is_connecting_) OnConnected();
  if (!socket_.is_open()) return;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) Read();
  if (socket_.is_open()) loop_->MarkChanged(*this);
}

void ChannelLink::OnConnected() {
  int error = 0;
  socklen_t bytes = sizeof(error);
  getsockopt(socket_.number(), SOL_SOCKET, SO_ERROR, &error, &bytes);
  if (error != 0) return Lose(absl::StrCat("cannot connect: ", std::strerror(error)));
  is_connecting_ = false;
  received_at_ = loop_->now();
  if (socket_.tls() != nullptr) socket_.tls()->Begin();
}

void ChannelLink::Read() {
  using ReadEnd = decltype(socket_)::ReadEnd;
  const ReadEnd end = socket_.Read(loop_->events().buffers(),
                                   [this](std::string_view bytes) { return Take(bytes); });
  if (end == ReadEnd::kBroken) Lose(WhyBroken(std::strerror(errno)));
  if (end == ReadEnd::kClosed) Lose(WhyBroken(kClosed));
}

bool ChannelLink::Take(std::string_view bytes) {
  received_at_ = loop_->now();
  pinged_at_ = kNoTime;
  if (!is_failed_) is_failed_ = !Receive(bytes);
  place_->OnReceived(*this);
  if (is_failed_) {
    Write();  // the GOAWAY or the alert that says why
    Lose(WhyFailed());
    return false;
  }
  const ChannelTlsSession* const tls = socket_.tls();
  if (tls != nullptr && tls->state() == ChannelTlsSession::State::kEnded) {
    Lose(WhyBroken(kClosed));
    return false;
  }
  if (rpc_.is_draining()) place_->Detach(*this, rpc_.failure());
  FinishEnded();
  place_->StartWaiting();
  return true;
}

bool ChannelLink::Receive(std::string_view bytes) {
  const std::string_view plaintext = socket_.Decrypt(bytes, loop_->events().buffers());
  if (!plaintext.empty() && !rpc_.Receive(plaintext)) return false;
  const ChannelTlsSession* const tls = socket_.tls();
  return tls == nullptr || tls->state() != ChannelTlsSession::State::kClosed;
}

void ChannelLink::Write() {
  // What the server said before it closed is still to be read.
  if (socket_.Write(loop_->events().buffers()).is_broken) socket_.DropOutput();
}

void ChannelLink::FinishEnded() {
  while (rpc_.HasEnded()) {
    for (ChannelCall* const call : rpc_.TakeEnded()) loop_->End(*call);
  }
}

void ChannelLink::Start(ChannelCall& call) {
  if (rpc_.calls() == 0) received_at_ = loop_->now();
  rpc_.Start(call, loop_->now());
  loop_->MarkChanged(*this);
}

void ChannelLink::Cancel(ChannelCall& call) {
  rpc_.Cancel(call);
  loop_->MarkChanged(*this);
}

bool ChannelLink::MarkChanged() {
  was_used_ = true;
  return !std::exchange(is_changed_, true);
}

void ChannelLink::Settle() {
  is_changed_ = false;
  if (!socket_.is_open()) return;
  if (!is_connecting_) Write();
  const ChannelTlsSession* const tls = socket_.tls();
  if (tls != nullptr && tls->state() == ChannelTlsSession::State::kClosed) {
    return Lose(WhyFailed());
  }
  place_->OnSettled(*this);
  if (!place_->Has(*this) && rpc_.calls() == 0) return Lose(rpc_.failure());
  const bool is_blocked = is_connecting_ || socket_.has_output();
  const uint32_t events = EPOLLIN | (is_blocked ? uint32_t{EPOLLOUT} : 0);
  if (events == std::exchange(events_, events)) return;
  loop_->events().ChangeEvents(socket_.number(), events, this);
}

void ChannelLink::Lose(const std::string& why) {
  if (!socket_.is_open()) return;
  if (socket_.tls() != nullptr && socket_.tls()->can_send()) {
    socket_.tls()->End();
    Write();
  }
  loop_->events().Unwatch(socket_.number(), this);
  socket_.Close();
  loop_->Release(*this);
  rpc_.Close(why);
  place_->Detach(*this, why);
  FinishEnded();
}

bool ChannelLink::OnSecond(uint32_t seconds) {
  rpc_.OnSecondsPassed(seconds);
  const bool was_used = std::exchange(was_used_, false) || rpc_.calls() > 0;
  if (!was_used) socket_.ReleaseMemory();
  CheckKeepalive();
  return was_used;
}

void ChannelLink::CheckKeepalive() {
  const ChannelOptions& options = loop_->target().options;
  const LoopTime now = loop_->now();
  if (is_connecting_ || rpc_.calls() == 0) {
    pinged_at_ = kNoTime;
  } else if (pinged_at_ != kNoTime && now > After(pinged_at_, options.pong_within)) {
    Lose(absl::StrCat("no answer to a ping within ", absl::FormatDuration(options.pong_within)));
  } else if (pinged_at_ == kNoTime && now > After(received_at_, options.ping_after)) {
    pinged_at_ = now;
    rpc_.SendPing();
    loop_->MarkChanged(*this);
  }
}

std::string ChannelLink::WhyBroken(std::string_view what) const {
  if (!rpc_.failure().empty()) return absl::StrCat("the connection was closed: ", rpc_.failure());
  return absl::StrCat("the connection broke: ", std::string(what),
                      rpc_.is_established() ? ""
                      : is_in_handshake()   ? " in the TLS handshake"
                                            : ", which has not spoken HTTP/2");
}

std::string ChannelLink::WhyFailed() const {
  const ChannelTlsSession* const tls = socket_.tls();
  if (tls != nullptr && !tls->failure().empty()) return tls->failure();
  return absl::StrCat("the connection failed: ", rpc_.failure());
}

}  // namespace larder
