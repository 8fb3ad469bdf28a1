#include "server/connections/connection_acceptor.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace larder::server {
namespace {

constexpr std::chrono::milliseconds kRefusedLinger{500};
constexpr size_t kRefusedMax = 64;
constexpr int kAcceptsPerRound = 64;  // then a stop is looked for

// RFC 9113: a GOAWAY with ENHANCE_YOUR_CALM and a text to debug with. There is no SETTINGS before
// it, on purpose: gRPC's clients would take the connection for a good one that broke, and connect
// again at once and for ever; so the attempt fails, they wait, and a call says UNAVAILABLE.
std::string GoawayFrame(size_t connections_max) {
  constexpr char kGoaway = 0x7;
  constexpr char kEnhanceYourCalm = 0xb;
  const std::string text =
      absl::StrCat("this node has its limit of ", connections_max,
                   " connections (--max_connections); use another node or fewer connections");
  const size_t payload_bytes = 8 + text.size();
  const char header[9] = {0, 0, static_cast<char>(payload_bytes), kGoaway, 0, 0, 0, 0, 0};
  const char payload[8] = {0, 0, 0, 0, 0, 0, 0, kEnhanceYourCalm};
  return std::string(header, sizeof(header)).append(payload, sizeof(payload)).append(text);
}

// RFC 8446, section 6: a record of type alert, fatal, internal_error.
std::string TlsAlert() { return {21, 3, 3, 0, 2, 2, 80}; }

}  // namespace

absl::StatusOr<std::unique_ptr<ConnectionAcceptor>> ConnectionAcceptor::Start(
    ListeningSocket listening, ConnectionTable* table, HandOver hand_over, Protocol protocol) {
  FileDescriptor stop_event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_event.is_open()) return absl::UnavailableError(std::strerror(errno));
  std::unique_ptr<ConnectionAcceptor> acceptor(new ConnectionAcceptor(
      std::move(listening), std::move(stop_event), table, std::move(hand_over), protocol));
  acceptor->thread_ = std::thread([self = acceptor.get()] { self->Run(); });
  return acceptor;
}

ConnectionAcceptor::ConnectionAcceptor(ListeningSocket listening, FileDescriptor stop_event,
                                       ConnectionTable* table, HandOver hand_over,
                                       Protocol protocol)
    : listening_(std::move(listening.socket)),
      endpoint_(std::move(listening.endpoint)),
      stop_event_(std::move(stop_event)),
      table_(table),
      hand_over_(std::move(hand_over)),
      refusal_(protocol == Protocol::kTls ? TlsAlert() : GoawayFrame(table->connections_max())) {}

ConnectionAcceptor::~ConnectionAcceptor() { Stop(); }

void ConnectionAcceptor::Stop() {
  if (!thread_.joinable()) return;
  ::eventfd_write(stop_event_.number(), 1);
  thread_.join();
  listening_.Close();
}

void ConnectionAcceptor::Run() {
  Clock::time_point listen_again = Clock::now();
  while (true) {
    const Clock::time_point now = Clock::now();
    const bool listens = now >= listen_again;
    pollfd polled[2] = {{stop_event_.number(), POLLIN, 0},
                        {listens ? listening_.number() : -1, POLLIN, 0}};
    Clock::time_point wake = Clock::time_point::max();
    if (!listens) wake = listen_again;
    if (!refused_.empty()) wake = std::min(wake, refused_.front().close_at);
    int timeout_ms = -1;
    if (wake != Clock::time_point::max()) {
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(wake - now).count();
      timeout_ms = static_cast<int>(std::clamp<int64_t>(wait, 0, 1000));
    }
    ::poll(polled, 2, timeout_ms);
    if (polled[0].revents != 0) return;
    CloseRefused(Clock::now());
    if (polled[1].revents != 0) listen_again = Clock::now() + AcceptAll();
  }
}

ConnectionAcceptor::Clock::duration ConnectionAcceptor::AcceptAll() {
  for (int i = 0; i < kAcceptsPerRound; ++i) {
    auto [outcome, socket] = Accept(listening_);
    if (outcome == Accepted::Outcome::kNoneWaits) return Clock::duration::zero();
    if (outcome != Accepted::Outcome::kConnection) {
      table_->CountAcceptFailure();
      if (outcome == Accepted::Outcome::kOutOfResources) return kPauseWithoutDescriptors;
      continue;
    }
    if (table_->Admit(socket.number())) {
      hand_over_(socket.Release());
    } else {
      Refuse(std::move(socket));
    }
  }
  return Clock::duration::zero();
}

void ConnectionAcceptor::Refuse(FileDescriptor socket) {
  // A close with unread data would be a reset, which takes the refusal along: wait for the client.
  (void)::send(socket.number(), refusal_.data(), refusal_.size(), MSG_NOSIGNAL);
  ::shutdown(socket.number(), SHUT_WR);
  if (refused_.size() >= kRefusedMax) refused_.pop_front();
  refused_.push_back({std::move(socket), Clock::now() + kRefusedLinger});
}

void ConnectionAcceptor::CloseRefused(Clock::time_point now) {
  while (!refused_.empty() && refused_.front().close_at <= now) {
    char unread[4096];
    while (::recv(refused_.front().socket.number(), unread, sizeof(unread), 0) > 0) {
    }
    refused_.pop_front();
  }
}

}  // namespace larder::server
