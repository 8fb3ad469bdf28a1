#include "server/rpc/server_loop.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "server/rpc/served_connection.h"
#include "server/rpc/tls_session.h"
#include "server/tls/tls_rotation.h"
#include "server/transport/freed_memory.h"

namespace larder::server {
namespace {

// How often freed memory is given back: seldom enough to take no time that could be told even if
// the same memory is needed again at once.
constexpr uint32_t kSecondsPerGivingBack = 5;

// How long not to look for a connection to end, when others of the node hold all that is scarce: to
// look for one takes as long as there are connections.
constexpr std::chrono::milliseconds kWithoutGreedy{10};

}  // namespace

absl::StatusOr<std::unique_ptr<ServerLoop>> ServerLoop::Start(const ServerLoopOptions& options) {
  std::unique_ptr<EventLoop> own_events;
  if (options.event_loop == nullptr) {
    auto created = EventLoop::Create();
    if (!created.ok()) return created.status();
    own_events = *std::move(created);
  }
  return std::unique_ptr<ServerLoop>(new ServerLoop(options, std::move(own_events)));
}

ServerLoop::ServerLoop(const ServerLoopOptions& options, std::unique_ptr<EventLoop> own_events)
    : own_events_(std::move(own_events)),
      events_(own_events_ == nullptr ? *options.event_loop : *own_events_),
      options_(options),
      random_(std::random_device()()),
      calls_(options.state, [this] { events_.Notify(*this); }) {
  events_.Add(*this);
}

ServerLoop::~ServerLoop() {
  events_.RunAndWait([this] {
    CloseAll();
    events_.Remove(*this);
  });
}

void ServerLoop::CloseAll() {
  ResumeCalls();
  while (!connections_.empty()) {
    ServedConnection& connection = *connections_.begin()->second;
    connection.Close(connection.is_closing() ? connection.end() : ConnectionEnd::kDrain);
  }
  closed_.clear();
  std::vector<FileDescriptor> arrived;
  {
    const storage::MutexLock lock(mutex_);
    arrived.swap(arrived_);
  }
  for (size_t i = 0; i < arrived.size(); ++i) CountUnopened(ConnectionEnd::kDrain);
}

void ServerLoop::CountUnopened(ConnectionEnd reason) {
  calls_.state().metrics.Count(reason);
  connections_count_.fetch_sub(1, std::memory_order_relaxed);
}

void ServerLoop::Add(FileDescriptor socket) {
  connections_count_.fetch_add(1, std::memory_order_relaxed);
  const storage::MutexLock lock(mutex_);
  arrived_.push_back(std::move(socket));
  events_.Notify(*this);
}

void ServerLoop::Drain() {
  const storage::MutexLock lock(mutex_);
  must_drain_ = true;
  events_.Notify(*this);
}

void ServerLoop::OnTurn() {
  TakeInput();
  ResumeCalls();
  ContinueTurns();
  ExpireDeadlines();
  closed_.clear();
}

void ServerLoop::TakeInput() {
  std::vector<FileDescriptor> arrived;
  bool must_drain = false;
  {
    const storage::MutexLock lock(mutex_);
    arrived.swap(arrived_);
    must_drain = must_drain_;
  }
  for (FileDescriptor& socket : arrived) Open(std::move(socket));
  if (must_drain && !std::exchange(is_draining_, true)) DrainAll();
}

void ServerLoop::Open(FileDescriptor socket) {
  std::unique_ptr<TlsSession> tls;
  if (options_.tls != nullptr) {
    tls = std::make_unique<TlsSession>(options_.tls->context(), &options_.tls->counters());
  }
  const double unit = std::uniform_real_distribution<double>()(random_);
  auto owned =
      std::make_unique<ServedConnection>(this, std::move(socket), std::move(tls),
                                         After(now(), Jittered(options_.timeouts.age_max, unit)));
  ServedConnection& connection = *owned;
  if (!connection.Watch()) return CountUnopened(ConnectionEnd::kClient);
  connections_.emplace(connection.number(), std::move(owned));
  events_.WantSecond();
  if (is_draining_) connection.Drain();
}

void ServerLoop::ResumeCalls() {
  std::map<uint64_t, std::vector<CallLetter>> by_connection;
  for (CallLetter& letter : calls_.mailbox()->Take()) {
    by_connection[letter.connection].push_back(std::move(letter));
  }
  for (auto& [number, letters] : by_connection) {
    const auto found = connections_.find(number);
    if (found != connections_.end()) found->second->Resume(std::move(letters));
  }
}

void ServerLoop::DrainAll() {
  for (ServedConnection* const connection : AllConnections()) connection->Drain();
}

void ServerLoop::WaitForTurn(ServedConnection& connection) {
  turns_.push_back(&connection);
  events_.RequestTurn(*this);
}

void ServerLoop::ContinueTurns() {
  // While one has its turn others may end, which takes them off the list.
  for (size_t left = turns_.size(); left > 0 && !turns_.empty(); --left) {
    ServedConnection& connection = *turns_.front();
    turns_.pop_front();
    connection.Continue();
  }
}

void ServerLoop::MoveDeadline(ServedConnection& connection, LoopTime from, LoopTime to) {
  if (from != kNoTime) deadlines_.erase({from, &connection});
  if (to != kNoTime) deadlines_.insert({to, &connection});
  events_.SetDeadline(*this, deadlines_.empty() ? kNoTime : deadlines_.begin()->first);
}

void ServerLoop::ExpireDeadlines() {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now()) {
    deadlines_.begin()->second->ExpireCalls();
  }
}

void ServerLoop::EndGreedy() {
  if (now() < end_greedy_again_) return;
  const TransportState& state = calls_.state();
  EndGreedyOf(state.unread, &ServedConnection::unread_share);
  EndGreedyOf(state.incomplete, &ServedConnection::incomplete_share);
}

void ServerLoop::EndGreedyOf(const ByteBudget& budget, ByteShare& (ServedConnection::*share)()) {
  if (!budget.IsScarce()) return;
  std::vector<std::pair<double, ServedConnection*>> greedy;
  for (const auto& [number, owned] : connections_) {
    const double held = (*owned.*share)().ByteTime(now());
    if (held > 0) greedy.emplace_back(held, owned.get());
  }
  std::make_heap(greedy.begin(), greedy.end());
  while (!budget.IsRelieved()) {
    if (greedy.empty()) {
      end_greedy_again_ = now() + kWithoutGreedy;
      return;
    }
    greedy.front().second->Close(ConnectionEnd::kMemory);
    std::pop_heap(greedy.begin(), greedy.end());
    greedy.pop_back();
  }
}

std::vector<ServedConnection*> ServerLoop::AllConnections() const {
  std::vector<ServedConnection*> all;
  all.reserve(connections_.size());
  for (const auto& [number, owned] : connections_) all.push_back(owned.get());
  return all;
}

void ServerLoop::OnSecond(uint32_t seconds) {
  for (ServedConnection* const connection : AllConnections()) connection->OnSecond(seconds);
  seconds_ += seconds;
  if (seconds_ >= kSecondsPerGivingBack) {
    seconds_ = 0;
    GiveBackFreedMemory();
    // Not before those are destroyed, too, that end in this very turn.
    if (connections_.empty() && closed_.empty()) return;
  }
  events_.WantSecond();
}

void ServerLoop::Release(ServedConnection& connection, ConnectionEnd reason) {
  calls_.state().metrics.Count(reason);
  std::erase(turns_, &connection);
  if (connection.is_closing()) lingering_count_.fetch_sub(1, std::memory_order_relaxed);
  connections_count_.fetch_sub(1, std::memory_order_relaxed);
  const auto found = connections_.find(connection.number());
  closed_.push_back(std::move(found->second));
  connections_.erase(found);
  events_.RequestTurn(*this);
}

}  // namespace larder::server
