#include "tests/bench/latency_run.h"

#include <sys/resource.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/bench/thread_time.h"

namespace larder::bench {
namespace {

constexpr size_t kSlowest = 10;
constexpr int64_t kSlowNanos = 500000;
constexpr uint64_t kOperationsPerUsage = 256;

int64_t InvoluntarySwitches() {
  rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
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

bool IsHousekeeping(MixedKind kind) {
  return kind == MixedKind::kExpire || kind == MixedKind::kShrink;
}

}  // namespace

absl::StatusOr<LatencyReport> RunLatency(const LatencyRunOptions& options) {
  auto mix = OperationMix::Create(options.mix);
  if (!mix.ok()) return mix.status();
  if (const absl::Status status = (*mix)->Fill(); !status.ok()) return status;
  const uint64_t evictions_before = (*mix)->stats().evictions;
  const int64_t switches_before = InvoluntarySwitches();
  int64_t switches = switches_before;
  LatencyReport report;
  report.clock_nanos = ClockCost(options.uses_cpu_clock);
  SlowOperation operation;
  for (uint64_t i = 0; i < options.operations; ++i) {
    if (i % kOperationsPerUsage == 0) switches = InvoluntarySwitches();
    operation.kind = (*mix)->Prepare();
    const int64_t wall_begin = ClockNanos(CLOCK_MONOTONIC);
    const int64_t cpu_begin = options.uses_cpu_clock ? ThreadCpuNanos() : 0;
    const bool done = (*mix)->Run();
    const int64_t cpu_end = options.uses_cpu_clock ? ThreadCpuNanos() : 0;
    operation.wall_nanos = ClockNanos(CLOCK_MONOTONIC) - wall_begin;
    operation.nanos = options.uses_cpu_clock ? cpu_end - cpu_begin : operation.wall_nanos;
    if (!done) {
      return absl::InternalError(absl::StrCat(
          "operation ", i, ", ", std::string(kMixedKindNames[static_cast<size_t>(operation.kind)]),
          ", failed"));
    }
    report.by_kind[static_cast<size_t>(operation.kind)].Add(absl::Nanoseconds(operation.nanos));
    operation.number = i;
    operation.key_number = (*mix)->key_number();
    operation.value_bytes = (*mix)->value_bytes();
    operation.preemptions =
        operation.wall_nanos > kSlowNanos ? InvoluntarySwitches() - switches : -1;
    Keep(operation, IsHousekeeping(operation.kind) ? report.slowest_housekeeping : report.slowest);
  }
  for (const load::Histogram& histogram : report.by_kind) report.all.Merge(histogram);
  report.evictions = (*mix)->stats().evictions - evictions_before;
  report.expirations = (*mix)->stats().expirations;
  report.preemptions = InvoluntarySwitches() - switches_before;
  return report;
}

}  // namespace larder::bench
