#include "tests/bench/log_round.h"

#include <barrier>
#include <thread>

#include "absl/strings/str_cat.h"
#include "client/load/random.h"
#include "tests/bench/fill_sizes.h"
#include "tests/bench/thread_time.h"

namespace larder::bench {
namespace {

constexpr size_t kKeyBytes = 16;
// Used in turns, so that more operations are nothing but more operations.
constexpr size_t kSequence = size_t{1} << 16;
constexpr storage::TimePoint kNow{storage::Millis(1'700'000'000'000)};

}  // namespace

LogRound::LogRound(const LogRoundOptions& options)
    : options_(options), value_(options.value_bytes, 'v'), sequence_(kKeyBytes, kSequence) {}

absl::StatusOr<LogFigures> LogRound::Run(const LogRoundOptions& options) {
  LogRound round(options);
  absl::Status status = round.Make();
  const std::vector<int> all = {1, 2, 4, 8};
  for (const int threads : options.threads.has_value() ? std::vector{*options.threads} : all) {
    if (status.ok()) status = round.TimeAll(threads);
  }
  if (!status.ok()) return status;
  return std::move(round.figures_);
}

absl::Status LogRound::Make() {
  auto keyspace = storage::Keyspace::Create(
      {.memory_bytes =
           AmpleMemory(options_.keys, kKeyBytes, options_.value_bytes) + (uint64_t{1} << 30)},
      &clock_);
  if (!keyspace.ok()) return keyspace.status();
  keyspace_ = *std::move(keyspace);
  auto log = storage::MutationLog::Create({.bytes = options_.log_bytes});
  if (!log.ok()) return log.status();
  log_ = *std::move(log);
  ScratchKey key(kKeyBytes);
  for (uint64_t i = 0; i < options_.keys; ++i) {
    const auto result = keyspace_->Set(key(i), value_, {}, kNow);
    if (!result.ok()) return result.status();
  }
  load::Random random(1);
  for (size_t i = 0; i < kSequence; ++i) sequence_.Add(random.Below(options_.keys));
  // What a ring costs once, when it is written for the first time, is not of the operations.
  if (options_.only == "set") return absl::OkStatus();
  for (uint64_t bytes = 0; bytes < options_.log_bytes;
       bytes += log_->RoomFor(kKeyBytes, value_.size())) {
    static_cast<void>(Append(/*thread=*/0, bytes));
  }
  return absl::OkStatus();
}

absl::Status LogRound::TimeAll(int threads) {
  const auto is_wanted = [this](const char* name) {
    return options_.only.empty() || options_.only == name;
  };
  absl::Status status;
  if (is_wanted("append")) {
    status =
        Time("append", threads, [this](int thread, size_t i) { return Append(thread, i) > 0; });
  }
  if (status.ok() && is_wanted("handovers")) status = CountHandovers(threads);
  const auto set = [this](int, size_t i) { return Set(i); };
  if (status.ok() && is_wanted("set")) status = Time("set", threads, set);
  if (status.ok() && is_wanted("set_logged")) {
    keyspace_->AttachLog(log_.get());
    status = Time("set_logged", threads, set);
    keyspace_->DetachLog();
  }
  return status;
}

absl::Status LogRound::CountHandovers(int threads) {
  struct alignas(64) Seen {
    uint64_t end = 0;
    uint64_t handovers = 0;
  };
  std::vector<Seen> seen(threads);
  const uint64_t lines = log_->RoomFor(kKeyBytes, value_.size()) / storage::MutationLog::kLineBytes;
  const auto status = RunOnThreads("handovers", threads, [&](int thread, size_t i) {
    Seen& mine = seen[thread];
    const uint64_t end = Append(thread, i);
    if (mine.end != 0 && end - lines != mine.end) ++mine.handovers;
    mine.end = end;
    return true;
  });
  if (!status.ok()) return status.status();
  uint64_t handovers = 0;
  for (const Seen& mine : seen) handovers += mine.handovers;
  figures_.handovers.push_back(
      {threads, static_cast<double>(handovers) / static_cast<double>(options_.operations)});
  return absl::OkStatus();
}

uint64_t LogRound::Append(int thread, size_t i) {
  // A stripe of its own for each thread, which it need not lock.
  const storage::KeyRef key = sequence_[i % kSequence];
  const uint64_t bytes = log_->RoomFor(key.key.size(), value_.size());
  // A thread that lost the processor in the middle of a record holds up who goes round the ring.
  while (!log_->TryReserve(bytes)) std::this_thread::yield();
  const uint64_t end = log_->Append({.slot = static_cast<uint32_t>(thread),
                                     .key = key.key,
                                     .version = i + 1,
                                     .value = storage::ValueView(value_)});
  log_->OnUnlocked();
  return end;
}

bool LogRound::Set(size_t i) {
  return keyspace_->Set(sequence_[i % kSequence], value_, {}, kNow).ok();
}

absl::Status LogRound::Time(const std::string& operation, int threads, const Operation& run) {
  const auto cpu_nanos = RunOnThreads(operation, threads, run);
  if (!cpu_nanos.ok()) return cpu_nanos.status();
  figures_.timings.push_back({operation, "uniform", threads, *cpu_nanos});
  return absl::OkStatus();
}

absl::StatusOr<double> LogRound::RunOnThreads(const std::string& operation, int threads,
                                              const Operation& run) {
  const uint64_t operations = options_.operations;
  std::vector<int64_t> nanos(threads);
  std::vector<uint64_t> failed(threads);
  {
    std::barrier begin_together(threads);
    std::vector<std::jthread> workers;
    for (int thread = 0; thread < threads; ++thread) {
      workers.emplace_back([&, thread] {
        begin_together.arrive_and_wait();
        const int64_t begin = ThreadCpuNanos();
        uint64_t failures = 0;
        const size_t end = operations * (thread + 1) / threads;
        for (size_t i = operations * thread / threads; i < end; ++i) failures += !run(thread, i);
        nanos[thread] = ThreadCpuNanos() - begin;
        failed[thread] = failures;
      });
    }
  }
  int64_t nanos_total = 0;
  uint64_t failed_total = 0;
  for (int i = 0; i < threads; ++i) {
    nanos_total += nanos[i];
    failed_total += failed[i];
  }
  if (failed_total > 0) {
    return absl::InternalError(
        absl::StrCat(operation, ": ", failed_total, " of ", operations, " operations failed"));
  }
  return static_cast<double>(nanos_total) / static_cast<double>(operations);
}

}  // namespace larder::bench
