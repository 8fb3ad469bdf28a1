#include "tests/bench/latency_run.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/bench/thread_time.h"

namespace larder::bench {
namespace {

constexpr size_t kSlowest = 10;
constexpr int64_t kSlowNanos = 500000;
constexpr uint64_t kOperationsPerUsage = 256;

struct Interruptions {
  static Interruptions SoFar() {
    rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return {usage.ru_nivcsw, usage.ru_minflt + usage.ru_majflt};
  }
  int64_t preemptions;
  int64_t page_faults;
};

// About a microsecond and a half of work that needs nothing but the processor.
uint64_t Control() {
  static std::array<uint64_t, 512> memory{};
  uint64_t state = memory[0];
  for (uint64_t& word : memory) {
    state = std::rotl(state * 0x9e3779b97f4a7c15 + word, 29);
    word = state;
  }
  return state;
}

// Keeps the slowest operations, the slowest first.
void Keep(const SlowOperation& operation, std::vector<SlowOperation>& slowest) {
  if (slowest.size() == kSlowest && operation.nanos <= slowest.back().nanos) return;
  const auto place = std::find_if(slowest.begin(), slowest.end(), [&](const SlowOperation& other) {
    return other.nanos < operation.nanos;
  });
  slowest.insert(place, operation);
  if (slowest.size() > kSlowest) slowest.pop_back();
}

// The median of what is measured when nothing is done.
int64_t ClockCost(bool uses_cpu_clock) {
  constexpr size_t kSamples = 1001;
  std::vector<int64_t> costs(kSamples);
  for (int64_t& cost : costs) {
    const clockid_t clock = uses_cpu_clock ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    const int64_t begin = ClockNanos(clock);
    cost = ClockNanos(clock) - begin;
  }
  std::nth_element(costs.begin(), costs.begin() + kSamples / 2, costs.end());
  return costs[kSamples / 2];
}

bool IsHousekeeping(MixedKind kind) { return kind >= MixedKind::kExpire; }

// Times what is done between its making and a call.
class Stopwatch {
 public:
  explicit Stopwatch(bool uses_cpu_clock)
      : uses_cpu_clock_(uses_cpu_clock),
        wall_begin_(ClockNanos(CLOCK_MONOTONIC)),
        cpu_begin_(uses_cpu_clock ? ThreadCpuNanos() : 0) {}

  // Sets nanos and wall_nanos.
  void Stop(SlowOperation& operation) const {
    const int64_t cpu_end = uses_cpu_clock_ ? ThreadCpuNanos() : 0;
    operation.wall_nanos = ClockNanos(CLOCK_MONOTONIC) - wall_begin_;
    operation.nanos = uses_cpu_clock_ ? cpu_end - cpu_begin_ : operation.wall_nanos;
  }

 private:
  const bool uses_cpu_clock_;
  const int64_t wall_begin_;
  const int64_t cpu_begin_;
};

class LatencyRun {
 public:
  explicit LatencyRun(const LatencyRunOptions& options) : options_(options) {
    report_.clock_nanos = ClockCost(options.uses_cpu_clock);
  }

  absl::Status RunRound(int round);
  LatencyReport TakeReport() { return std::move(report_); }

 private:
  void Count(SlowOperation& operation, const OperationMix& mix, const Interruptions& before);
  void RunControl();
  absl::Status EndRound(int round, const storage::KeyspaceStats& stats);

  const LatencyRunOptions options_;
  LatencyReport report_;
  std::vector<SlowOperation> slow_;  // over 1 ms, of this round
  uint64_t evictions_ = 0;           // with those of the filling
  uint64_t expirations_ = 0;
};

absl::Status LatencyRun::RunRound(int round) {
  auto mix = OperationMix::Create(options_.mix);
  if (!mix.ok()) return mix.status();
  if (const absl::Status status = (*mix)->Fill(); !status.ok()) return status;
  const uint64_t evictions_before = (*mix)->stats().evictions;
  const Interruptions at_begin = Interruptions::SoFar();
  Interruptions before = at_begin;
  SlowOperation operation;
  for (uint64_t i = 0; i < options_.operations; ++i) {
    if (i % kOperationsPerUsage == 0) before = Interruptions::SoFar();
    operation.kind = (*mix)->Prepare();
    operation.number = i;
    const Stopwatch stopwatch(options_.uses_cpu_clock);
    const bool done = (*mix)->Run();
    stopwatch.Stop(operation);
    if (!done) {
      return absl::InternalError(absl::StrCat(
          "operation ", i, ", ", std::string(kMixedKindNames[static_cast<size_t>(operation.kind)]),
          ", failed"));
    }
    Count(operation, **mix, before);
    RunControl();
  }
  report_.preemptions += Interruptions::SoFar().preemptions - at_begin.preemptions;
  report_.evictions += (*mix)->stats().evictions - evictions_before;
  report_.expirations += (*mix)->stats().expirations;
  return EndRound(round, (*mix)->stats());
}

void LatencyRun::Count(SlowOperation& operation, const OperationMix& mix,
                       const Interruptions& before) {
  report_.by_kind[static_cast<size_t>(operation.kind)].Add(operation.nanos);
  report_.all.Add(operation.nanos);
  operation.key_number = mix.key_number();
  operation.value_bytes = mix.value_bytes();
  operation.preemptions = operation.page_faults = -1;
  if (operation.wall_nanos > kSlowNanos) {
    const Interruptions now = Interruptions::SoFar();
    operation.preemptions = now.preemptions - before.preemptions;
    operation.page_faults = now.page_faults - before.page_faults;
  }
  if (operation.nanos > Latencies::kSlowNanos) slow_.push_back(operation);
  Keep(operation, IsHousekeeping(operation.kind) ? report_.slowest_housekeeping : report_.slowest);
}

void LatencyRun::RunControl() {
  [[maybe_unused]] static volatile uint64_t sink = 0;  // so that the computation is not left out
  SlowOperation control;
  const Stopwatch stopwatch(options_.uses_cpu_clock);
  sink = Control();
  stopwatch.Stop(control);
  report_.control.Add(control.nanos);
}

absl::Status LatencyRun::EndRound(int round, const storage::KeyspaceStats& stats) {
  if (round == 0) {
    report_.slow_in_each_round = std::exchange(slow_, {});
    evictions_ = stats.evictions;
    expirations_ = stats.expirations;
    return absl::OkStatus();
  }
  if (stats.evictions != evictions_ || stats.expirations != expirations_) {
    return absl::InternalError(absl::StrCat("round ", round + 1, " had ", stats.evictions,
                                            " evictions and ", stats.expirations,
                                            " expirations, the first one ", evictions_, " and ",
                                            expirations_, ": it did not do the same"));
  }
  std::vector<SlowOperation> in_both;
  for (const SlowOperation& before : report_.slow_in_each_round) {
    const auto now = std::find_if(slow_.begin(), slow_.end(), [&](const SlowOperation& operation) {
      return operation.number == before.number;
    });
    if (now != slow_.end()) in_both.push_back(now->nanos < before.nanos ? *now : before);
  }
  report_.slow_in_each_round = std::move(in_both);
  slow_.clear();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LatencyReport> RunLatency(const LatencyRunOptions& options) {
  LatencyRun run(options);
  for (int round = 0; round < options.rounds; ++round) {
    if (const absl::Status status = run.RunRound(round); !status.ok()) return status;
  }
  return run.TakeReport();
}

}  // namespace larder::bench
