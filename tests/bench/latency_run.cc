#include "tests/bench/latency_run.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <bit>

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

}  // namespace

absl::StatusOr<LatencyReport> RunLatency(const LatencyRunOptions& options) {
  auto mix = OperationMix::Create(options.mix);
  if (!mix.ok()) return mix.status();
  if (const absl::Status status = (*mix)->Fill(); !status.ok()) return status;
  const uint64_t evictions_before = (*mix)->stats().evictions;
  const Interruptions at_begin = Interruptions::SoFar();
  Interruptions before = at_begin;
  LatencyReport report;
  report.clock_nanos = ClockCost(options.uses_cpu_clock);
  SlowOperation operation;
  SlowOperation control;
  [[maybe_unused]] volatile uint64_t sink = 0;  // so that the computation is not left out
  for (uint64_t i = 0; i < options.operations; ++i) {
    if (i % kOperationsPerUsage == 0) before = Interruptions::SoFar();
    operation.kind = (*mix)->Prepare();
    const Stopwatch stopwatch(options.uses_cpu_clock);
    const bool done = (*mix)->Run();
    stopwatch.Stop(operation);
    if (!done) {
      return absl::InternalError(absl::StrCat(
          "operation ", i, ", ", std::string(kMixedKindNames[static_cast<size_t>(operation.kind)]),
          ", failed"));
    }
    report.by_kind[static_cast<size_t>(operation.kind)].Add(operation.nanos);
    report.all.Add(operation.nanos);
    operation.number = i;
    operation.key_number = (*mix)->key_number();
    operation.value_bytes = (*mix)->value_bytes();
    operation.preemptions = operation.page_faults = -1;
    if (operation.wall_nanos > kSlowNanos) {
      const Interruptions now = Interruptions::SoFar();
      operation.preemptions = now.preemptions - before.preemptions;
      operation.page_faults = now.page_faults - before.page_faults;
    }
    Keep(operation, IsHousekeeping(operation.kind) ? report.slowest_housekeeping : report.slowest);

    const Stopwatch control_stopwatch(options.uses_cpu_clock);
    sink = Control();
    control_stopwatch.Stop(control);
    report.control.Add(control.nanos);
  }
  report.evictions = (*mix)->stats().evictions - evictions_before;
  report.expirations = (*mix)->stats().expirations;
  report.preemptions = Interruptions::SoFar().preemptions - at_begin.preemptions;
  return report;
}

}  // namespace larder::bench
