#include "server/http/http_server.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace larder::server {
namespace {

constexpr int kAcceptsInARow = 16;  // then those that are open have their turn

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(ListeningSocket listening,
                                                              HttpPages pages,
                                                              const HttpLimits& limits,
                                                              HttpCounters* counters) {
  auto events = EventLoop::Create();
  if (!events.ok()) return events.status();
  std::unique_ptr<HttpServer> server(
      new HttpServer(*std::move(events), std::move(listening), std::move(pages), limits, counters));
  if (!server->Begin()) return absl::ErrnoToStatus(errno, "cannot wait for connections");
  return server;
}

HttpServer::HttpServer(std::unique_ptr<EventLoop> events, ListeningSocket listening,
                       HttpPages pages, const HttpLimits& limits, HttpCounters* counters)
    : limits_(limits),
      pages_(std::move(pages)),
      counters_(counters),
      endpoint_(std::move(listening.endpoint)),
      too_late_{408, absl::StrCat("the request was not whole within ",
                                  absl::FormatDuration(limits.timeout), " (--metrics_timeout)")},
      too_many_{503, absl::StrCat("there are more than ", limits.connections_max,
                                  " connections (--metrics_max_connections)")},
      listening_(std::move(listening.socket)),
      events_(std::move(events)) {}

bool HttpServer::Begin() {
  int error = 0;
  events_->RunAndWait([&] {
    events_->Add(*this);
    if (!events_->Watch(listening_.number(), EPOLLIN, this)) error = errno;
  });
  errno = error;
  return error == 0;
}

HttpServer::~HttpServer() {
  events_->RunAndWait([this] {
    events_->Unwatch(listening_.number(), this);
    while (!sockets_.empty()) sockets_.front()->CutOff(HttpEnd::kShutdown, {503, "the node ends"});
    closed_.clear();
    events_->Remove(*this);
  });
}

void HttpServer::OnReady(uint32_t) { Accept(kAcceptsInARow); }

void HttpServer::Accept(int connections_max) {
  if (accept_again_ != kNoTime) return;
  for (int i = 0; i < connections_max; ++i) {
    auto [outcome, socket] = larder::server::Accept(listening_);
    if (outcome == Accepted::Outcome::kNoneWaits) break;
    if (outcome == Accepted::Outcome::kConnection) {
      Open(std::move(socket));
      continue;
    }
    counters_->CountAcceptFailure();
    if (outcome == Accepted::Outcome::kOutOfResources) {
      PauseAccepting();
      break;
    }
  }
  UpdateDeadline();
}

void HttpServer::Open(FileDescriptor socket) {
  if (sockets_.size() >= limits_.connections_max) {
    sockets_.front()->CutOff(HttpEnd::kEvicted, too_many_);
  }
  auto owned = std::make_unique<HttpSocket>(this, std::move(socket));
  if (!owned->Watch()) return counters_->CountAcceptFailure();
  counters_->CountAccepted();
  HttpSocket& opened = *owned;
  opened.set_place(sockets_.insert(sockets_.end(), std::move(owned)));
  // A request that came along is answered before others can take its place.
  opened.TakeTurn(EPOLLIN);
}

void HttpServer::PauseAccepting() {
  events_->ChangeEvents(listening_.number(), 0, this);
  accept_again_ = After(now(), absl::FromChrono(kPauseWithoutDescriptors));
}

void HttpServer::OnTurn() {
  if (accept_again_ <= now()) {
    accept_again_ = kNoTime;
    events_->ChangeEvents(listening_.number(), EPOLLIN, this);
  }
  while (!sockets_.empty() && After(sockets_.front()->moved_at(), limits_.timeout) <= now()) {
    sockets_.front()->CutOff(HttpEnd::kTimeout, too_late_);
  }
  closed_.clear();
  UpdateDeadline();
}

void HttpServer::UpdateDeadline() {
  LoopTime deadline = accept_again_;
  if (!sockets_.empty()) {
    deadline = std::min(deadline, After(sockets_.front()->moved_at(), limits_.timeout));
  }
  events_->SetDeadline(*this, deadline);
}

void HttpServer::MoveBack(HttpSocket& socket) {
  socket.set_moved_at(now());
  sockets_.splice(sockets_.end(), sockets_, socket.place());
  UpdateDeadline();
}

void HttpServer::Release(HttpSocket& socket, HttpEnd end) {
  counters_->Count(end);
  closed_.push_back(std::move(*socket.place()));
  sockets_.erase(socket.place());
  events_->RequestTurn(*this);
}

}  // namespace larder::server
