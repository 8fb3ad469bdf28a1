#include "client/load/bench.h"

#include <sys/prctl.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/channel/mutex.h"

namespace larder::load {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(50);
constexpr absl::Duration kProgressInterval = absl::Milliseconds(500);
constexpr absl::Duration kFailingMax = absl::Seconds(10);
constexpr int64_t kOperationsMax = int64_t{1} << 20;  // in flight; each has about 1 KiB

// What all workers share: when to end, and how far they are.
class Run {
 public:
  explicit Run(const BenchOptions& options)
      : options_(options),
        requests_(options.fill ? std::optional<uint64_t>(options.workload.keys)
                               : options.requests) {}

  // The number of the next operation; nullopt: begin no more.
  std::optional<uint64_t> Ticket(Clock::time_point now) {
    if (Stopped()) return std::nullopt;
    const uint64_t ticket = tickets_.fetch_add(1, std::memory_order_relaxed);
    if (requests_) return ticket < *requests_ ? std::optional<uint64_t>(ticket) : std::nullopt;
    return now < end() ? std::optional<uint64_t>(ticket) : std::nullopt;
  }

  bool Stopped() const {
    return gave_up() ||
           (options_.stop != nullptr && options_.stop->load(std::memory_order_relaxed));
  }
  bool gave_up() const { return gave_up_.load(std::memory_order_relaxed); }

  void Count(const Operation& operation, Clock::time_point now) {
    operations_.fetch_add(1, std::memory_order_relaxed);
    const int64_t since = failing_since_.load(std::memory_order_relaxed);
    if (!operation.status.ok()) {
      errors_.fetch_add(1, std::memory_order_relaxed);
      const int64_t at = now.time_since_epoch().count();
      if (since == 0) {
        failing_since_ = at;
      } else if (Clock::duration(at - since) > absl::ToChronoNanoseconds(kFailingMax)) {
        gave_up_ = true;
      }
      return;
    }
    if (since != 0) failing_since_ = 0;
    if (operation.kind != Operation::Kind::kGet) return;
    (operation.found ? hits_ : misses_).fetch_add(1, std::memory_order_relaxed);
  }

  void Begin() { begin_ = Clock::now(); }

  void WorkerEnded() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    ++workers_ended_;
    changed_.SignalAll();
  }

  // Shows the progress until all workers have ended.
  void Watch() ABSL_LOCKS_EXCLUDED(mutex_) {
    Clock::time_point next = begin_;
    while (true) {
      {
        MutexLock lock(mutex_);
        if (workers_ended_ == options_.threads) return;
        changed_.WaitFor(mutex_, kTick);
      }
      if (!options_.progress || Clock::now() < next) continue;
      next = Clock::now() + absl::ToChronoNanoseconds(kProgressInterval);
      options_.progress(Snapshot());
    }
  }

  Progress Snapshot() const {
    Progress progress;
    progress.elapsed = absl::FromChrono(Clock::now() - begin_);
    progress.operations = operations_;
    progress.hits = hits_;
    progress.misses = misses_;
    progress.errors = errors_;
    const double share = requests_
                             ? static_cast<double>(operations_) / static_cast<double>(*requests_)
                             : absl::FDivDuration(progress.elapsed, options_.duration);
    progress.share = std::clamp(share, 0.0, 1.0);
    return progress;
  }

  const BenchOptions& options() const { return options_; }
  bool timed() const { return !requests_.has_value(); }
  Clock::time_point begin() const { return begin_; }
  Clock::time_point end() const { return begin_ + absl::ToChronoNanoseconds(options_.duration); }

 private:
  const BenchOptions& options_;
  const std::optional<uint64_t> requests_;
  Clock::time_point begin_;  // set before the workers start
  std::atomic<uint64_t> tickets_{0};
  std::atomic<uint64_t> operations_{0};
  std::atomic<uint64_t> hits_{0};
  std::atomic<uint64_t> misses_{0};
  std::atomic<uint64_t> errors_{0};
  std::atomic<int64_t> failing_since_{0};  // Clock's ticks; 0: the last answer was no error
  std::atomic<bool> gave_up_{false};

  Mutex mutex_;
  CondVar changed_;
  int workers_ended_ ABSL_GUARDED_BY(mutex_) = 0;
};

// One thread's share of the load: an engine of its own, and in open loop a second thread that
// begins operations when they are due.
class Worker {
 public:
  Worker(Run& run, int index, const EngineOptions& engine, const WorkloadOptions& workload)
      : run_(run), index_(index), engine_(Engine::Create(engine)), workload_(workload) {}

  void Start() {
    thread_ = std::thread([this] {
      run_.options().rate ? RunOpen() : RunClosed();
      run_.WorkerEnded();
    });
  }
  void Join() { thread_.join(); }
  const Report& report() const { return report_; }

 private:
  // False: the load is over.
  bool Begin(Operation& operation, Clock::time_point due) {
    const std::optional<uint64_t> ticket = run_.Ticket(due);
    if (!ticket) return false;
    if (run_.options().fill) {
      workload_.MakeFill(*ticket, operation);
    } else {
      workload_.MakeMixed(operation);
    }
    operation.begin = due;
    engine_->Start(operation);
    return true;
  }

  void Ended(const Operation& operation, Clock::time_point now) {
    report_.Add(operation, absl::FromChrono(now - operation.begin));
    run_.Count(operation, now);
  }

  void RunClosed() {
    uint64_t in_flight = 0;
    std::vector<Operation*>
        resting;  // after an error, so that a dead node is not asked in a tight loop
    Clock::time_point wake = Clock::now();
    while (Operation* operation = engine_->Acquire()) {
      if (!Begin(*operation, Clock::now())) break;
      ++in_flight;
    }
    while (in_flight > 0 || !resting.empty()) {
      Operation* const operation = engine_->Next(kTick);
      const Clock::time_point now = Clock::now();
      if (operation != nullptr) {
        Ended(*operation, now);
        --in_flight;
        if (!operation->status.ok()) {
          resting.push_back(operation);
        } else if (Begin(*operation, now)) {
          ++in_flight;
        }
      }
      if (now < wake) continue;
      wake = now + absl::ToChronoNanoseconds(kTick);
      for (Operation* rested : resting) in_flight += Begin(*rested, now) ? 1 : 0;
      resting.clear();
    }
  }

  void RunOpen() {
    std::atomic<bool> all_begun{false};
    std::atomic<uint64_t> begun{0};
    std::thread pacer([this, &all_begun, &begun] {
      Pace(begun);
      all_begun = true;
    });
    uint64_t ended = 0;
    while (!all_begun || ended < begun) {
      Operation* const operation = engine_->Next(kTick);
      // A load that is over must not leave its pacer waiting for room.
      if (run_.Stopped() || (run_.timed() && Clock::now() >= run_.end())) engine_->Close();
      if (operation == nullptr) continue;
      Ended(*operation, Clock::now());
      ++ended;
      engine_->Release(*operation);
    }
    pacer.join();
    report_.unsent = unsent_;
  }

  // Begins operations when they are due, or as soon after that as there is room in flight.
  void Pace(std::atomic<uint64_t>& begun) {
    // The kernel's default slack of 50 us would be part of every latency.
    prctl(PR_SET_TIMERSLACK, 1000ul, 0ul, 0ul, 0ul);
    const BenchOptions& options = run_.options();
    const std::chrono::duration<double> interval(options.threads / *options.rate);
    const std::chrono::duration<double> offset(index_ / *options.rate);
    Clock::time_point due;
    for (uint64_t i = 0;; ++i) {
      due = run_.begin() +
            std::chrono::duration_cast<Clock::duration>(offset + interval * static_cast<double>(i));
      if (run_.Stopped() || (run_.timed() && due >= run_.end())) return;
      std::this_thread::sleep_until(due);
      Operation* const operation = engine_->AcquireWait();
      if (operation == nullptr) break;
      ++begun;
      if (!Begin(*operation, due)) {
        --begun;
        return;
      }
    }
    if (run_.timed() && due < run_.end()) {
      unsent_ = static_cast<uint64_t>(std::ceil((run_.end() - due) / interval));
    }
  }

  Run& run_;
  const int index_;
  const std::unique_ptr<Engine> engine_;
  Workload workload_;  // of the thread that begins operations
  Report report_;
  uint64_t unsent_ = 0;  // of the pacer until it has ended
  std::thread thread_;
};

// Nor is nan between any two numbers.
absl::Status CheckReal(const char* name, double number, double min, double max) {
  if (number >= min && number <= max) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat("%s must be %.15g..%.15g", name, min, max));
}

}  // namespace

absl::Status CheckBenchOptions(const BenchOptions& options) {
  const WorkloadOptions& workload = options.workload;
  if (workload.keys < 1) return absl::InvalidArgumentError("keys must be at least 1");
  const size_t digits = absl::StrCat(workload.keys - 1).size();
  if (workload.key_bytes < digits) {
    return absl::InvalidArgumentError(
        absl::StrCat("key_bytes must be at least ", digits, " for ", workload.keys, " keys"));
  }
  if (options.threads < 1 || options.threads > kThreadsMax) {
    return absl::InvalidArgumentError(absl::StrCat("threads must be 1..", kThreadsMax));
  }
  const int connections = options.engine.connections;
  if (connections < options.threads || connections > kConnectionsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("connections must be at least one per thread, at most ", kConnectionsMax));
  }
  if (options.engine.inflight < 1 || options.engine.inflight > kInflightMax) {
    return absl::InvalidArgumentError(absl::StrCat("inflight must be 1..", kInflightMax));
  }
  if (int64_t{connections} * options.engine.inflight > kOperationsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("connections * inflight must be at most ", kOperationsMax));
  }
  absl::Status status = CheckReal("read_share", workload.read_share, 0, 1);
  if (workload.zipf_s) status.Update(CheckReal("zipf_s", *workload.zipf_s, kZipfMin, kZipfMax));
  if (options.rate) status.Update(CheckReal("rate", *options.rate, kRateMin, kRateMax));
  if (!status.ok()) return status;
  if (options.requests && *options.requests == 0) {
    return absl::InvalidArgumentError("requests must be at least 1");
  }
  if (options.duration < kBenchDurationMin || options.duration > kBenchDurationMax) {
    return absl::InvalidArgumentError(absl::StrCat("duration must be ",
                                                   absl::FormatDuration(kBenchDurationMin), "..",
                                                   absl::FormatDuration(kBenchDurationMax)));
  }
  if (workload.value_bytes_min > workload.value_bytes_max) {
    return absl::InvalidArgumentError("value_bytes must go from less to more");
  }
  return absl::OkStatus();
}

absl::StatusOr<Report> RunBench(const BenchOptions& options) {
  absl::Status status = CheckBenchOptions(options);
  if (!status.ok()) return status;
  Run run(options);
  std::vector<std::unique_ptr<Worker>> workers;
  for (int i = 0; i < options.threads; ++i) {
    EngineOptions engine = options.engine;
    engine.connections = options.engine.connections / options.threads +
                         (i < options.engine.connections % options.threads ? 1 : 0);
    WorkloadOptions workload = options.workload;
    workload.seed = Mix(options.workload.seed + static_cast<uint64_t>(i));
    workers.push_back(std::make_unique<Worker>(run, i, engine, workload));
  }
  run.Begin();
  for (const auto& worker : workers) worker->Start();
  run.Watch();
  Report report;
  for (const auto& worker : workers) {
    worker->Join();
    report.Merge(worker->report());
  }
  report.gave_up = run.gave_up();
  report.elapsed = absl::FromChrono(Clock::now() - run.begin());
  return report;
}

}  // namespace larder::load
