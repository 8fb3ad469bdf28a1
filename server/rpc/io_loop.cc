#include "server/rpc/io_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <string_view>

#include "proto/http2/frame_writer.h"
#include "server/rpc/tls_session.h"
#include "server/tls/tls_rotation.h"

namespace larder::server {
namespace {

constexpr size_t kReceiveBytes = size_t{256} << 10;
// Of one connection before the others have their turn.
constexpr int kReadsInARow = 4;
constexpr size_t kSentInARow = size_t{2} << 20;
constexpr int kEventsAtOnce = 256;
constexpr std::string_view kTooOld = "max_connection_age";

// A timer that becomes readable each second: a timeout of epoll_wait would be set and taken back
// whenever the loop has nothing to do, which is costly on virtual machines.
FileDescriptor StartSeconds() {
  FileDescriptor timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  const itimerspec each_second{.it_interval = {1, 0}, .it_value = {1, 0}};
  if (timer.is_open() && timerfd_settime(timer.number(), 0, &each_second, nullptr) != 0) {
    timer.Close();
  }
  return timer;
}

// Of the output; returns as send.
ssize_t Send(const FileDescriptor& socket, OutputBuffer& output) {
  const std::string_view unsent = output.unsent();
  const ssize_t sent = send(socket.number(), unsent.data(), unsent.size(), MSG_NOSIGNAL);
  if (sent > 0) output.MarkSent(static_cast<size_t>(sent));
  return sent;
}

// For a client that speaks HTTP/2 without TLS. No SETTINGS before it: see ConnectionAcceptor.
void AppendTlsNeeded(OutputBuffer& output) {
  constexpr std::string_view kText = "this port speaks TLS only (--tls_cert_file)";
  http2::FrameWriter(&output).Goaway(0, http2::ErrorCode::kInadequateSecurity, kText);
}

}  // namespace

struct IoLoop::Connection {
  Connection(FileDescriptor from, const RpcLimits& limits, const RpcMethods* methods,
             RpcCallPool* calls, LoopTime now, LoopTime retire)
      : socket(std::move(from)),
        rpc(limits, methods, calls),
        opened_at(now),
        retire_at(retire),
        received_at(now),
        sent_at(now) {}

  // Of what waits for the socket; what cannot be encrypted does not.
  bool has_output() const {
    if (tls == nullptr) return !rpc.output().empty() || rpc.CanLend();
    return !tls->output().empty() || (tls->can_send() && !rpc.output().empty());
  }
  size_t output_bytes() const {
    return rpc.output().size() + (tls == nullptr ? 0 : tls->output().size());
  }

  FileDescriptor socket;
  RpcConnection rpc;
  std::unique_ptr<TlsSession> tls;  // nullptr: plaintext
  const LoopTime opened_at;
  const LoopTime retire_at;
  LoopTime retired_at = kNoTime;
  LoopTime received_at;  // anything
  LoopTime sent_at;      // anything, or there was nothing to send
  LoopTime pinged_at = kNoTime;
  LoopTime closing_at = kNoTime;               // BeginClose
  LoopTime deadline = kNoTime;                 // in deadlines_ if it is finite
  uint32_t events = EPOLLIN;                   // that epoll is asked for
  bool is_failed = false;                      // to be closed when the output is sent
  ConnectionEnd end = ConnectionEnd::kClient;  // why, with BeginClose
  bool was_used = true;                        // since the last second
  bool waits_for_turn = false;                 // in turns_
};

absl::StatusOr<std::unique_ptr<IoLoop>> IoLoop::Start(const RpcLimits* limits,
                                                      const RpcMethods* methods,
                                                      const IoTimeouts& timeouts,
                                                      TransportState* state,
                                                      const TlsRotation* tls) {
  FileDescriptor epoll(epoll_create1(EPOLL_CLOEXEC));
  FileDescriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  FileDescriptor seconds = StartSeconds();
  if (!epoll.is_open() || !wake.is_open() || !seconds.is_open()) {
    return absl::ErrnoToStatus(errno, "an I/O loop cannot open its files");
  }
  std::unique_ptr<IoLoop> loop(new IoLoop(std::move(epoll), std::move(wake), std::move(seconds),
                                          limits, methods, timeouts, state, tls));
  epoll_event on_wake{.events = EPOLLIN, .data = {.ptr = nullptr}};
  epoll_event on_second{.events = EPOLLIN, .data = {.ptr = loop.get()}};
  if (epoll_ctl(loop->epoll_.number(), EPOLL_CTL_ADD, loop->wake_.number(), &on_wake) != 0 ||
      epoll_ctl(loop->epoll_.number(), EPOLL_CTL_ADD, loop->seconds_.number(), &on_second) != 0) {
    return absl::ErrnoToStatus(errno, "an I/O loop cannot wait for its wake-up");
  }
  loop->thread_ = std::thread([raw = loop.get()] { raw->Run(); });
  return loop;
}

IoLoop::IoLoop(FileDescriptor epoll, FileDescriptor wake, FileDescriptor seconds,
               const RpcLimits* limits, const RpcMethods* methods, const IoTimeouts& timeouts,
               TransportState* state, const TlsRotation* tls)
    : epoll_(std::move(epoll)),
      wake_(std::move(wake)),
      seconds_(std::move(seconds)),
      limits_(limits),
      methods_(methods),
      timeouts_(timeouts),
      tls_(tls),
      now_(std::chrono::steady_clock::now()),
      random_(std::random_device()()),
      buffer_(new char[kReceiveBytes]),
      decrypted_(tls == nullptr ? nullptr : new char[kReceiveBytes + TlsSession::kRecordBytes]),
      calls_(state, [this] { Wake(); }) {}

IoLoop::~IoLoop() {
  is_stopping_.store(true);
  Post([] {});
  if (thread_.joinable()) thread_.join();
}

void IoLoop::Post(std::function<void()> task) {
  {
    const storage::MutexLock lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  Wake();
}

void IoLoop::Wake() {
  const uint64_t one = 1;
  // Full only if it is to wake up already.
  [[maybe_unused]] const ssize_t written = write(wake_.number(), &one, sizeof(one));
}

void IoLoop::RunTasks() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t taken = read(wake_.number(), &count, sizeof(count));
  std::vector<std::function<void()>> tasks;
  {
    const storage::MutexLock lock(mutex_);
    tasks.swap(tasks_);
  }
  for (const auto& task : tasks) task();
  ResumeCalls();
}

void IoLoop::ResumeCalls() {
  std::map<uint64_t, std::vector<CallLetter>> by_connection;
  for (CallLetter& letter : calls_.mailbox()->Take()) {
    by_connection[letter.connection].push_back(std::move(letter));
  }
  for (auto& [number, letters] : by_connection) {
    const auto found = connections_.find(number);
    if (found == connections_.end()) continue;
    found->second->rpc.Resume(std::move(letters), now_);
    Settle(*found->second);
  }
}

void IoLoop::Add(FileDescriptor socket) {
  connections_count_.fetch_add(1, std::memory_order_relaxed);
  Post([this, number = socket.Release()] { Open(FileDescriptor(number)); });
}

void IoLoop::Drain() {
  Post([this] {
    is_draining_ = true;
    std::vector<Connection*> all;
    for (const auto& [number, owned] : connections_) all.push_back(owned.get());
    for (Connection* connection : all) {
      connection->rpc.Drain();
      Settle(*connection);
    }
  });
}

void IoLoop::Run() {
  std::array<epoll_event, kEventsAtOnce> events;
  while (!is_stopping_.load(std::memory_order_relaxed)) {
    const int count = epoll_wait(epoll_.number(), events.data(), kEventsAtOnce, TimeoutMs());
    now_ = std::chrono::steady_clock::now();
    bool is_second = false;
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      if (event.data.ptr == nullptr) {
        RunTasks();
      } else if (event.data.ptr == this) {
        is_second = true;
      } else {
        OnReady(*static_cast<Connection*>(event.data.ptr), event.events);
      }
    }
    ContinueTurns();
    ExpireDeadlines();
    if (is_second) OnSecond();
    closed_.clear();
  }
  RunTasks();
  while (!connections_.empty()) {
    Connection& connection = *connections_.begin()->second;
    const bool is_closing = connection.closing_at != kNoTime;
    Close(connection, is_closing ? connection.end : ConnectionEnd::kDrain);
  }
}

int IoLoop::TimeoutMs() const {
  constexpr int kNoTimeout = -1;
  constexpr int64_t kTimeoutMsMax = 1000;
  if (!turns_.empty()) return 0;
  if (deadlines_.empty()) return kNoTimeout;
  const auto left = deadlines_.begin()->first - std::chrono::steady_clock::now();
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::clamp<int64_t>(ms, 0, kTimeoutMsMax));
}

void IoLoop::Open(FileDescriptor socket) {
  const double unit = std::uniform_real_distribution<double>()(random_);
  auto owned = std::make_unique<Connection>(std::move(socket), *limits_, methods_, &calls_, now_,
                                            After(now_, Jittered(timeouts_.age_max, unit)));
  Connection& connection = *owned;
  if (tls_ != nullptr) {
    connection.tls = std::make_unique<TlsSession>(tls_->context(), &tls_->counters());
  } else {
    connection.rpc.EnableLending();
  }
  epoll_event event{.events = connection.events, .data = {.ptr = &connection}};
  if (is_stopping_.load() ||
      epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, connection.socket.number(), &event) != 0) {
    connections_count_.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  connections_.emplace(connection.rpc.number(), std::move(owned));
  if (is_draining_) {
    connection.rpc.Drain();
    Settle(connection);
  }
}

void IoLoop::OnReady(Connection& connection, uint32_t events) {
  if (!connection.socket.is_open()) return;  // closed since epoll saw it
  connection.was_used = true;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) Read(connection);
  if (connection.socket.is_open()) Settle(connection);
}

void IoLoop::Read(Connection& connection) {
  for (int i = 0; i < kReadsInARow; ++i) {
    const ssize_t received = recv(connection.socket.number(), buffer_.get(), kReceiveBytes, 0);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (received <= 0) return Close(connection, connection.end);
    connection.received_at = now_;
    connection.pinged_at = kNoTime;
    const auto bytes = static_cast<size_t>(received);
    if (!connection.is_failed && connection.closing_at == kNoTime) {
      connection.is_failed = !Receive(connection, {buffer_.get(), bytes});
    }
    if (bytes < kReceiveBytes || connection.rpc.has_more() ||
        connection.output_bytes() >= limits_->output_bytes_max) {
      return;
    }
  }
}

bool IoLoop::Receive(Connection& connection, std::string_view bytes) {
  if (connection.tls != nullptr) return ReceiveTls(connection, bytes);
  return connection.rpc.Receive(bytes, now_);
}

bool IoLoop::ReceiveTls(Connection& connection, std::string_view ciphertext) {
  TlsSession& tls = *connection.tls;
  const std::string_view bytes = tls.Receive(ciphertext, decrypted_.get());
  if (tls.was_plaintext_http2()) AppendTlsNeeded(tls.output());
  if (!bytes.empty() && !connection.rpc.Receive(bytes, now_)) return false;
  return tls.state() == TlsSession::State::kHandshake || tls.state() == TlsSession::State::kOpen;
}

void IoLoop::Write(Connection& connection) {
  TlsSession* const tls = connection.tls.get();
  OutputBuffer& output = tls == nullptr ? connection.rpc.output() : tls->output();
  size_t sent_bytes = 0;
  while (sent_bytes < kSentInARow) {
    if (tls != nullptr && output.empty()) Encrypt(connection);
    const bool lends = tls == nullptr && connection.rpc.CanLend();
    if (output.empty() && !lends) break;
    const ssize_t sent = lends ? SendLent(connection) : Send(connection.socket, output);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) return Close(connection, connection.end);
    connection.sent_at = now_;
    sent_bytes += static_cast<size_t>(sent);
    if (tls == nullptr) connection.rpc.OnOutputSent();
  }
  if (connection.has_output()) return;  // it has had its turn
  connection.sent_at = now_;
  if (output.capacity() > limits_->output_bytes_max) output.Release();
}

ssize_t IoLoop::SendLent(Connection& connection) {
  pieces_.clear();
  connection.rpc.Lend(pieces_);
  vectors_.clear();
  for (const std::string_view piece : pieces_) {
    vectors_.push_back({.iov_base = const_cast<char*>(piece.data()), .iov_len = piece.size()});
  }
  msghdr message{};
  message.msg_iov = vectors_.data();
  message.msg_iovlen = vectors_.size();
  const ssize_t sent = sendmsg(connection.socket.number(), &message, MSG_NOSIGNAL);
  const int error = errno;
  connection.rpc.TakeBack(pieces_, static_cast<size_t>(std::max<ssize_t>(sent, 0)));
  errno = error;
  return sent;
}

void IoLoop::Encrypt(Connection& connection) {
  TlsSession& tls = *connection.tls;
  OutputBuffer& output = connection.rpc.output();
  while (tls.can_send() && !output.empty() && !tls.has_enough_output()) {
    tls.SendFrom(output);
    // Not before: what then follows would be moved by every piece that is taken.
    if (output.empty()) connection.rpc.OnOutputSent();
  }
  if (output.empty() && output.capacity() > limits_->output_bytes_max) output.Release();
}

void IoLoop::Settle(Connection& connection) {
  Write(connection);
  if (!connection.socket.is_open()) return;
  connection.is_failed |= connection.rpc.has_failed();
  connection.rpc.ReportBytes(connection.tls == nullptr ? 0 : connection.tls->output().size());
  const bool is_done = (is_draining_ || connection.rpc.is_retired()) && connection.rpc.is_idle();
  if (!connection.has_output() && (connection.is_failed || is_done)) {
    BeginClose(connection, connection.is_failed ? connection.rpc.failure()
                           : is_draining_       ? ConnectionEnd::kDrain
                                                : ConnectionEnd::kMaxAge);
    if (!connection.socket.is_open()) return;
  }
  const bool has_more =
      connection.rpc.has_more() && !connection.is_failed && connection.closing_at == kNoTime;
  if (has_more && !std::exchange(connection.waits_for_turn, true)) turns_.push_back(&connection);
  uint32_t events = 0;
  if (!has_more && connection.output_bytes() < limits_->output_bytes_max) events |= EPOLLIN;
  if (connection.has_output()) events |= EPOLLOUT;
  if (events != connection.events) {
    connection.events = events;
    epoll_event event{.events = events, .data = {.ptr = &connection}};
    epoll_ctl(epoll_.number(), EPOLL_CTL_MOD, connection.socket.number(), &event);
  }
  SetDeadline(connection, connection.rpc.next_deadline());
}

void IoLoop::ContinueTurns() {
  // While one has its turn others may end, which takes them off the list.
  for (size_t left = turns_.size(); left > 0 && !turns_.empty(); --left) {
    Connection& connection = *turns_.front();
    turns_.pop_front();
    connection.waits_for_turn = false;
    connection.was_used = true;
    if (!connection.is_failed && connection.closing_at == kNoTime) {
      connection.is_failed = !connection.rpc.Continue(now_);
    }
    Settle(connection);
  }
}

void IoLoop::SetDeadline(Connection& connection, LoopTime deadline) {
  if (deadline == connection.deadline) return;
  if (connection.deadline != kNoTime) {
    deadlines_.erase({connection.deadline, &connection});
  }
  connection.deadline = deadline;
  if (deadline != kNoTime) deadlines_.insert({deadline, &connection});
}

void IoLoop::ExpireDeadlines() {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_) {
    Connection& connection = *deadlines_.begin()->second;
    connection.rpc.ExpireCalls(now_);
    SetDeadline(connection, connection.rpc.next_deadline());
    Settle(connection);
  }
}

void IoLoop::OnSecond() {
  uint64_t seconds = 0;
  if (read(seconds_.number(), &seconds, sizeof(seconds)) != sizeof(seconds)) return;
  std::vector<Connection*> all;
  all.reserve(connections_.size());
  for (const auto& [number, owned] : connections_) all.push_back(owned.get());
  for (Connection* connection : all) {
    CheckTimeouts(*connection, static_cast<uint32_t>(seconds));
  }
}

std::optional<ConnectionEnd> IoLoop::OverdueOf(const Connection& connection) const {
  const auto is_over = [this](LoopTime since, absl::Duration limit) {
    return since != kNoTime && now_ > After(since, limit);
  };
  if (connection.closing_at != kNoTime) {
    if (is_over(connection.closing_at, timeouts_.linger)) return connection.end;
    return std::nullopt;
  }
  if (connection.has_output() && is_over(connection.sent_at, timeouts_.unread_for)) {
    return ConnectionEnd::kUnreadTimeout;
  }
  // While nothing is read, no answer to a ping can be seen.
  const bool is_read = (connection.events & EPOLLIN) != 0;
  if (is_read && is_over(connection.pinged_at, timeouts_.pong_within)) {
    return ConnectionEnd::kKeepaliveTimeout;
  }
  if (is_over(connection.retired_at, timeouts_.age_grace)) return ConnectionEnd::kMaxAgeGrace;
  if (!connection.rpc.is_established() && !connection.is_failed &&
      is_over(connection.opened_at, timeouts_.handshake_within)) {
    return ConnectionEnd::kHandshakeTimeout;
  }
  return std::nullopt;
}

void IoLoop::CheckTimeouts(Connection& connection, uint32_t seconds) {
  connection.rpc.OnSecondsPassed(seconds, timeouts_.unread_for);
  if (!std::exchange(connection.was_used, false)) {
    connection.rpc.ReleaseMemory();
    if (connection.tls != nullptr) connection.tls->ReleaseMemory();
  }
  if (const auto overdue = OverdueOf(connection); overdue.has_value()) {
    if (connection.tls != nullptr) connection.tls->Abandon(TlsFailure::kTimeout);
    return Close(connection, *overdue);
  }
  const bool is_pinged = connection.pinged_at != kNoTime;
  const bool is_closing = connection.closing_at != kNoTime;
  if (now_ > After(connection.received_at, timeouts_.ping_after) && !is_pinged && !is_closing) {
    connection.pinged_at = now_;
    connection.rpc.SendPing();
  }
  if (now_ > connection.retire_at && connection.retired_at == kNoTime &&
      connection.rpc.is_established()) {
    connection.retired_at = now_;
    connection.rpc.Retire(kTooOld);
  }
  Settle(connection);
}

void IoLoop::BeginClose(Connection& connection, ConnectionEnd reason) {
  if (connection.closing_at != kNoTime) return;
  connection.closing_at = now_;
  connection.end = reason;
  if (connection.tls != nullptr) {
    connection.tls->End();
    Write(connection);
    if (!connection.socket.is_open()) return;
  }
  // A close while something comes would make the system throw away what was sent last.
  shutdown(connection.socket.number(), SHUT_WR);
}

void IoLoop::Close(Connection& connection, ConnectionEnd reason) {
  if (!connection.socket.is_open()) return;
  calls_.state().metrics.Count(reason);
  SetDeadline(connection, kNoTime);
  if (connection.waits_for_turn) std::erase(turns_, &connection);
  if (connection.tls != nullptr) connection.tls->Abandon(TlsFailure::kDisconnected);
  // A close alone would not do it while a process that was forked has the socket, too.
  epoll_ctl(epoll_.number(), EPOLL_CTL_DEL, connection.socket.number(), nullptr);
  connection.socket.Close();
  connections_count_.fetch_sub(1, std::memory_order_relaxed);
  const auto found = connections_.find(connection.rpc.number());
  closed_.push_back(std::move(found->second));
  connections_.erase(found);
}

}  // namespace larder::server
