#include "tests/bench/hot_path/load_generator.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/bench/thread_time.h"

namespace larder::bench {
namespace {

constexpr size_t kBufferBytes = 256 << 10;
constexpr int64_t kSecondNanos = 1'000'000'000;
constexpr int64_t kSilenceNanosMax = 30 * kSecondNanos;
constexpr int kEventsMax = 64;

absl::Status Internal(const char* what) {
  return absl::InternalError(absl::StrCat(what, ": ", std::strerror(errno)));
}

int64_t Now() { return ClockNanos(CLOCK_MONOTONIC); }

// While there is one, this thread wakes up when it asked to, and not up to 50 us later.
class ExactTimers {
 public:
  ExactTimers() { prctl(PR_SET_TIMERSLACK, 1); }
  ~ExactTimers() { prctl(PR_SET_TIMERSLACK, 0); }  // the default again: children inherit it
  ExactTimers(const ExactTimers&) = delete;
  ExactTimers& operator=(const ExactTimers&) = delete;
};

}  // namespace

absl::StatusOr<std::unique_ptr<LoadGenerator>> LoadGenerator::Connect(const Options& options) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) return Internal("epoll_create1");
  std::unique_ptr<LoadGenerator> generator(
      new LoadGenerator(epoll, options.shape.in_flight, options.spins));
  for (int i = 0; i < options.shape.connections; ++i) {
    auto connection = LoadConnection::Open(options.port, options.make_protocol(i));
    if (!connection.ok()) return connection.status();
    const absl::Status added = generator->Add(*std::move(connection));
    if (!added.ok()) return added;
  }
  return generator;
}

LoadGenerator::LoadGenerator(int epoll, int in_flight_max, bool spins)
    : epoll_(epoll), in_flight_max_(in_flight_max), spins_(spins), buffer_(kBufferBytes) {}

LoadGenerator::~LoadGenerator() { close(epoll_); }

absl::Status LoadGenerator::Add(std::unique_ptr<LoadConnection> connection) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = connections_.size();
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, connection->descriptor(), &event) != 0) {
    return Internal("epoll_ctl");
  }
  connections_.push_back(std::move(connection));
  awaits_room_.push_back(false);
  return absl::OkStatus();
}

absl::StatusOr<LoadResult> LoadGenerator::Run(uint64_t operations, std::optional<uint64_t> rate) {
  return RunWhile(/*is_ending=*/nullptr, operations, rate);
}

absl::StatusOr<LoadResult> LoadGenerator::RunUntil(const std::atomic<bool>& is_ending,
                                                   std::optional<uint64_t> rate) {
  return RunWhile(&is_ending, std::numeric_limits<uint64_t>::max(), rate);
}

absl::StatusOr<LoadResult> LoadGenerator::RunWhile(const std::atomic<bool>* is_ending,
                                                   uint64_t operations,
                                                   std::optional<uint64_t> rate) {
  LoadResult result;
  const ExactTimers exact_timers;
  const int64_t cpu_begin = ThreadCpuNanos();
  const int64_t begin = Now();
  LoadSchedule schedule(operations, rate, begin);
  const absl::Status status = Drive(is_ending, schedule, result);
  if (!status.ok()) return status;
  result.elapsed_nanos = Now() - begin;
  result.cpu_nanos = ThreadCpuNanos() - cpu_begin;
  return result;
}

absl::Status LoadGenerator::Drive(const std::atomic<bool>* is_ending, LoadSchedule& schedule,
                                  LoadResult& result) {
  epoll_event events[kEventsMax];
  while (true) {
    if (is_ending != nullptr && *is_ending) schedule.End(Now());
    const absl::Status issued = IssueDue(schedule, result);
    if (!issued.ok()) return issued;
    if (result.latencies.count() == schedule.operations()) return absl::OkStatus();
    const absl::StatusOr<int> count = Wait(schedule, events);
    if (!count.ok()) return count.status();
    for (int i = 0; i < *count; ++i) {
      const absl::Status served = Serve(events[i].data.u64, schedule, result);
      if (!served.ok()) return served;
    }
  }
}

absl::Status LoadGenerator::IssueDue(LoadSchedule& schedule, LoadResult& result) {
  const int64_t now = Now();
  size_t full_connections = 0;  // one after the other
  while (full_connections < connections_.size()) {
    const std::optional<int64_t> due = schedule.NextDue(now);
    if (!due.has_value() || *due > now) break;
    LoadConnection& connection = *connections_[next_connection_];
    next_connection_ = (next_connection_ + 1) % connections_.size();
    if (connection.in_flight() >= in_flight_max_) {
      ++full_connections;
      continue;
    }
    full_connections = 0;
    connection.Issue(*due);
    schedule.Issue();
  }
  is_a_connection_free_ = full_connections < connections_.size();
  for (size_t i = 0; i < connections_.size(); ++i) {
    if (!connections_[i]->has_unsent_bytes() || awaits_room_[i]) continue;
    const absl::Status status = Flush(i, result);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status LoadGenerator::Serve(size_t connection, LoadSchedule& schedule, LoadResult& result) {
  LoadConnection& served = *connections_[connection];
  const absl::Status received = served.Receive(buffer_, result);
  if (!received.ok()) return received;
  const int64_t now = Now();
  while (served.in_flight() < in_flight_max_) {
    const std::optional<int64_t> due = schedule.NextDue(now);
    if (!due.has_value() || *due > now) break;
    served.Issue(*due);
    schedule.Issue();
  }
  return Flush(connection, result);
}

absl::Status LoadGenerator::Flush(size_t connection, LoadResult& result) {
  LoadConnection& flushed = *connections_[connection];
  const absl::Status status = flushed.Flush(result);
  if (!status.ok() || flushed.has_unsent_bytes() == awaits_room_[connection]) return status;
  awaits_room_[connection] = flushed.has_unsent_bytes();
  epoll_event event{};
  event.events = awaits_room_[connection] ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.u64 = connection;
  if (epoll_ctl(epoll_, EPOLL_CTL_MOD, flushed.descriptor(), &event) != 0) {
    return Internal("epoll_ctl");
  }
  return absl::OkStatus();
}

absl::StatusOr<int> LoadGenerator::Wait(const LoadSchedule& schedule,
                                        std::span<epoll_event> events) {
  const std::optional<int64_t> wait_nanos = schedule.WaitNanos(Now(), is_a_connection_free_);
  const int64_t nanos = wait_nanos.value_or(kSilenceNanosMax);
  const timespec timeout =
      spins_ ? timespec{} : timespec{nanos / kSecondNanos, nanos % kSecondNanos};
  const int64_t begin = Now();
  int count = 0;
  do {
    count = epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout,
                         /*sigmask=*/nullptr);
  } while (spins_ && count == 0 && Now() - begin < nanos);
  if (count < 0 && errno != EINTR) return Internal("epoll_pwait2");
  if (count == 0 && !wait_nanos.has_value()) {
    return absl::DeadlineExceededError("the server is silent for 30 s");
  }
  return std::max(count, 0);
}

}  // namespace larder::bench
