#include "tests/bench/hot_path/load_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "tests/bench/thread_time.h"
#include "tests/loopback.h"

namespace larder::bench {
namespace {

constexpr size_t kSentBytesKept = 1 << 20;  // in output_, so that it is seldom moved

absl::Status Unavailable(const char* what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<LoadConnection>> LoadConnection::Open(
    uint16_t port, std::unique_ptr<LoadProtocol> protocol) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return Unavailable("socket");
  std::unique_ptr<LoadConnection> connection(new LoadConnection(descriptor, std::move(protocol)));
  const int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const sockaddr_in address = LoopbackAddress(port);
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return Unavailable("connect");
  }
  connection->protocol_->Start(connection->output_);
  return connection;
}

LoadConnection::LoadConnection(int descriptor, std::unique_ptr<LoadProtocol> protocol)
    : descriptor_(descriptor), protocol_(std::move(protocol)) {}

LoadConnection::~LoadConnection() { close(descriptor_); }

void LoadConnection::Issue(int64_t due_nanos) {
  due_nanos_.push_back(due_nanos);
  ++in_flight_;
  protocol_->AppendRequest(output_);
}

absl::Status LoadConnection::Flush(LoadResult& result) {
  while (has_unsent_bytes()) {
    const ssize_t count = send(descriptor_, output_.data() + sent_, output_.size() - sent_,
                               MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0) return Unavailable("send");
    sent_ += static_cast<size_t>(count);
    result.sent_bytes += static_cast<uint64_t>(count);
  }
  if (!has_unsent_bytes()) {
    output_.clear();
    sent_ = 0;
  } else if (sent_ > kSentBytesKept) {
    output_.erase(0, sent_);
    sent_ = 0;
  }
  return absl::OkStatus();
}

absl::Status LoadConnection::Receive(std::span<char> buffer, LoadResult& result) {
  const ssize_t count = recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return absl::OkStatus();
  if (count < 0) return Unavailable("recv");
  if (count == 0) return absl::UnavailableError("the server has closed the connection");
  result.received_bytes += static_cast<uint64_t>(count);
  answers_.numbers.clear();
  const absl::Status status = protocol_->Receive(
      std::string_view(buffer.data(), static_cast<size_t>(count)), output_, answers_);
  if (!status.ok()) return status;
  CountAnswers(result);
  return absl::OkStatus();
}

void LoadConnection::CountAnswers(LoadResult& result) {
  if (answers_.numbers.empty()) return;
  const int64_t now = ClockNanos(CLOCK_MONOTONIC);
  for (const uint64_t number : answers_.numbers) {
    result.latencies.Add(absl::Nanoseconds(now - due_nanos_[number]));
  }
  in_flight_ -= static_cast<int>(answers_.numbers.size());
  if (answers_.failures == 0) return;
  if (result.failures == 0) result.first_failure = answers_.first_failure;
  result.failures += std::exchange(answers_.failures, 0);
}

}  // namespace larder::bench
