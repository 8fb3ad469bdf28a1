#include "server/rpc/served_connection.h"

#include <netdb.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/http2/frame_writer.h"
#include "server/rpc/quoted.h"
#include "server/rpc/server_loop.h"

namespace larder::server {
namespace {

constexpr std::string_view kTooOld = "max_connection_age";

// Tells a client that speaks HTTP/2 without TLS. No SETTINGS before it: see ConnectionAcceptor.
void AppendTlsNeeded(OutputBuffer& output) {
  constexpr std::string_view kText = "this port speaks TLS only (--tls_cert_file)";
  http2::FrameWriter(&output).Goaway(0, http2::ErrorCode::kInadequateSecurity, kText);
}

}  // namespace

ServedConnection::ServedConnection(ServerLoop* loop, FileDescriptor socket,
                                   std::unique_ptr<TlsSession> tls, LoopTime retire_at)
    : loop_(loop),
      rpc_(*loop->options().limits, loop->options().methods, &loop->calls()),
      socket_(std::move(socket), std::move(tls), &rpc_, loop->options().limits->output_bytes_max),
      opened_at_(loop->now()),
      retire_at_(retire_at),
      received_at_(loop->now()),
      sent_at_(loop->now()),
      events_(EPOLLIN) {
  if (socket_.tls() == nullptr) rpc_.EnableLending();
  rpc_.SetPeer([this] { return DescribePeer(); });
}

std::string ServedConnection::DescribePeer() {
  sockaddr_storage address{};
  socklen_t bytes = sizeof(address);
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  auto* const peer = reinterpret_cast<sockaddr*>(&address);
  if (getpeername(socket_.number(), peer, &bytes) != 0 ||
      getnameinfo(peer, bytes, host, sizeof(host), port, sizeof(port),
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "a client that has gone";
  }
  const bool is_ipv6 = address.ss_family == AF_INET6;
  std::string text = absl::StrCat(is_ipv6 ? "[" : "", host, is_ipv6 ? "]:" : ":", port);
  if (socket_.tls() == nullptr) return text;
  const std::string name = socket_.tls()->client_name();
  return name.empty() ? text : absl::StrCat(text, " (certificate of ", Quoted(name), ")");
}

bool ServedConnection::Watch() { return loop_->events().Watch(socket_.number(), events_, this); }

void ServedConnection::OnReady(uint32_t events) {
  was_used_ = true;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) Read();
  if (socket_.is_open()) Settle();
}

void ServedConnection::Read() {
  using ReadEnd = decltype(socket_)::ReadEnd;
  const size_t output_bytes_max = loop_->options().limits->output_bytes_max;
  const ReadEnd end = socket_.Read(loop_->events().buffers(), [&](std::string_view bytes) {
    received_at_ = loop_->now();
    pinged_at_ = kNoTime;
    if (IsListening()) is_failed_ = !Receive(bytes);
    return !rpc_.has_more() && socket_.output_bytes() < output_bytes_max;
  });
  if (end != ReadEnd::kWaits) Close(end_);
}

bool ServedConnection::Receive(std::string_view bytes) {
  TlsSession* const tls = socket_.tls();
  if (tls == nullptr) return rpc_.Receive(bytes, loop_->now());
  const std::string_view plaintext = socket_.Decrypt(bytes, loop_->events().buffers());
  if (tls->was_plaintext_http2()) AppendTlsNeeded(tls->output());
  if (!plaintext.empty() && !rpc_.Receive(plaintext, loop_->now())) return false;
  return tls->state() == TlsSession::State::kHandshake || tls->state() == TlsSession::State::kOpen;
}

void ServedConnection::Write() {
  const auto sent = socket_.Write(loop_->events().buffers());
  if (sent.is_broken) return Close(end_);
  if (sent.bytes > 0 || !socket_.has_output()) sent_at_ = loop_->now();
}

void ServedConnection::Settle() {
  Write();
  if (!socket_.is_open()) return;
  is_failed_ |= rpc_.has_failed();
  rpc_.ReportBytes(socket_.encrypted_bytes(), loop_->now());
  const bool is_done = (loop_->is_draining() || rpc_.is_retired()) && rpc_.is_idle();
  if (!socket_.has_output() && (is_failed_ || is_done)) {
    BeginClose(is_failed_             ? rpc_.failure()
               : loop_->is_draining() ? ConnectionEnd::kDrain
                                      : ConnectionEnd::kMaxAge);
    if (!socket_.is_open()) return;
  }
  const bool has_more = rpc_.has_more() && IsListening();
  if (has_more && !std::exchange(waits_for_turn_, true)) loop_->WaitForTurn(*this);
  uint32_t events = 0;
  if (!has_more && socket_.output_bytes() < loop_->options().limits->output_bytes_max) {
    events |= EPOLLIN;
  }
  if (socket_.has_output()) events |= EPOLLOUT;
  if (events != std::exchange(events_, events)) {
    loop_->events().ChangeEvents(socket_.number(), events, this);
  }
  SetDeadline(rpc_.next_deadline());
  // Last, since it may be this one that is ended.
  if (unread_share().IsScarce() || incomplete_share().IsScarce()) loop_->EndGreedy();
}

void ServedConnection::Resume(std::vector<CallLetter> letters) {
  rpc_.Resume(std::move(letters), loop_->now());
  Settle();
}

void ServedConnection::Continue() {
  waits_for_turn_ = false;
  was_used_ = true;
  if (IsListening()) is_failed_ = !rpc_.Continue(loop_->now());
  Settle();
}

void ServedConnection::SetDeadline(LoopTime deadline) {
  if (deadline == deadline_) return;
  loop_->MoveDeadline(*this, std::exchange(deadline_, deadline), deadline);
}

void ServedConnection::ExpireCalls() {
  rpc_.ExpireCalls(loop_->now());
  SetDeadline(rpc_.next_deadline());
  Settle();
}

void ServedConnection::Drain() {
  if (!socket_.is_open()) return;  // ended by what another one has done just now
  rpc_.Drain();
  Settle();
}

std::optional<ConnectionEnd> ServedConnection::Overdue() const {
  const IoTimeouts& timeouts = loop_->options().timeouts;
  const auto is_over = [now = loop_->now()](LoopTime since, absl::Duration limit) {
    return since != kNoTime && now > After(since, limit);
  };
  if (is_closing()) {
    if (is_over(closing_at_, timeouts.linger)) return end_;
    return std::nullopt;
  }
  if (socket_.has_output() && is_over(sent_at_, timeouts.unread_for)) {
    return ConnectionEnd::kUnreadTimeout;
  }
  // While nothing is read, no answer to a ping can be seen.
  const bool is_read = (events_ & EPOLLIN) != 0;
  if (is_read && is_over(pinged_at_, timeouts.pong_within)) {
    return ConnectionEnd::kKeepaliveTimeout;
  }
  if (is_over(retired_at_, timeouts.age_grace)) return ConnectionEnd::kMaxAgeGrace;
  if (!rpc_.is_established() && !is_failed_ && is_over(opened_at_, timeouts.handshake_within)) {
    return ConnectionEnd::kHandshakeTimeout;
  }
  return std::nullopt;
}

void ServedConnection::OnSecond(uint32_t seconds) {
  if (!socket_.is_open()) return;
  const IoTimeouts& timeouts = loop_->options().timeouts;
  const LoopTime now = loop_->now();
  rpc_.OnSecondsPassed(seconds, timeouts.unread_for);
  if (!std::exchange(was_used_, false)) socket_.ReleaseMemory();
  if (const auto overdue = Overdue(); overdue.has_value()) {
    if (socket_.tls() != nullptr) socket_.tls()->Abandon(TlsFailure::kTimeout);
    return Close(*overdue);
  }
  const bool is_pinged = pinged_at_ != kNoTime;
  if (now > After(received_at_, timeouts.ping_after) && !is_pinged && !is_closing()) {
    pinged_at_ = now;
    rpc_.SendPing();
  }
  if (now > retire_at_ && retired_at_ == kNoTime && rpc_.is_established()) {
    retired_at_ = now;
    rpc_.Retire(kTooOld);
  }
  Settle();
}

void ServedConnection::BeginClose(ConnectionEnd reason) {
  if (is_closing()) return;
  closing_at_ = loop_->now();
  loop_->CountLingering();
  end_ = reason;
  if (socket_.tls() != nullptr) {
    socket_.tls()->End();
    Write();
    if (!socket_.is_open()) return;
  }
  // A close while something comes would make the system throw away what was sent last.
  shutdown(socket_.number(), SHUT_WR);
}

void ServedConnection::Close(ConnectionEnd reason) {
  if (!socket_.is_open()) return;
  SetDeadline(kNoTime);
  if (socket_.tls() != nullptr) socket_.tls()->Abandon(TlsFailure::kDisconnected);
  loop_->events().Unwatch(socket_.number(), this);
  socket_.Close();
  // At once, and not only when it is destroyed.
  incomplete_share().Report(0);
  unread_share().Report(0);
  loop_->Release(*this, reason);
}

}  // namespace larder::server
