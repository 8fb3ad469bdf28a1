#include "server/http/http_socket.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "server/http/http_server.h"

namespace larder::server {

HttpSocket::HttpSocket(HttpServer* server, FileDescriptor socket)
    : server_(server),
      moved_at_(server->now()),
      socket_(std::move(socket)),
      connection_(&server->limits(), &server->pages()),
      events_(EPOLLIN) {}

bool HttpSocket::Watch() { return server_->events().Watch(socket_.number(), events_, this); }

void HttpSocket::OnReady(uint32_t events) {
  const uint64_t steps = connection_.steps();
  TakeTurn(events);
  if (connection_.steps() != steps) server_->AcceptNext();
}

void HttpSocket::TakeTurn(uint32_t events) {
  // Not half-closed: both directions have ended, or it broke.
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) return Close(HttpEnd::kClient);
  if ((events & EPOLLIN) != 0) {
    Read();
  } else {
    connection_.Continue();
  }
  if (socket_.is_open()) Settle();
}

void HttpSocket::Read() {
  SocketBuffers& buffers = server_->events().buffers();
  const size_t bytes_max =
      is_closing_ ? SocketBuffers::kReceivedBytes
                  : std::min(connection_.wanted_bytes(), SocketBuffers::kReceivedBytes);
  if (bytes_max == 0) return;
  const ssize_t received = recv(socket_.number(), buffers.received(), bytes_max, 0);
  if (received < 0) {
    if (errno != EAGAIN && errno != EINTR) Close(HttpEnd::kClient);
  } else if (received == 0) {
    has_ended_ = true;
    if (is_closing_) return Close(HttpEnd::kClient);
    connection_.ReceiveEnd();
  } else if (!is_closing_) {
    connection_.Receive({buffers.received(), static_cast<size_t>(received)});
  }
}

void HttpSocket::Write() {
  const std::string_view unsent = connection_.unsent();
  if (unsent.empty()) return;
  const ssize_t sent = send(socket_.number(), unsent.data(), unsent.size(), MSG_NOSIGNAL);
  if (sent >= 0) return connection_.MarkSent(static_cast<size_t>(sent));
  if (errno != EAGAIN && errno != EINTR) Close(HttpEnd::kClient);
}

void HttpSocket::Settle() {
  Write();
  if (!socket_.is_open()) return;
  if (std::exchange(steps_, connection_.steps()) != connection_.steps()) server_->MoveBack(*this);
  if (connection_.is_over() && !is_closing_) {
    if (has_ended_) return Close(HttpEnd::kClient);
    is_closing_ = true;
    // A close while something comes would make the system throw away what was sent last.
    shutdown(socket_.number(), SHUT_WR);
  }
  uint32_t events = 0;
  if (!has_ended_ && (is_closing_ || connection_.wanted_bytes() > 0)) events |= EPOLLIN;
  if (!connection_.unsent().empty() || connection_.has_more()) events |= EPOLLOUT;
  if (events != std::exchange(events_, events)) {
    server_->events().ChangeEvents(socket_.number(), events, this);
  }
}

void HttpSocket::CutOff(HttpEnd end, const HttpRefusal& refusal) {
  if (connection_.is_in_request()) {
    connection_.Refuse(refusal);
    Write();
  }
  Close(end);
}

void HttpSocket::Close(HttpEnd end) {
  if (!socket_.is_open()) return;
  server_->events().Unwatch(socket_.number(), this);
  socket_.Close();
  server_->Release(*this, is_closing_ ? HttpEnd::kAnswered : end);
}

}  // namespace larder::server
