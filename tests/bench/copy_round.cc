#include "tests/bench/copy_round.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bench/hot_path/load_thread.h"
#include "tests/bench/replicated_server.h"
#include "tests/bench/resident_memory.h"
#include "tests/bench/thread_time.h"

namespace larder::bench {
namespace {

// Enough that Gets which were due during a pause do not wait for each other afterwards.
constexpr LoadShape kReader = {1, 100};
constexpr absl::Duration kBetweenLooks = absl::Milliseconds(10);

absl::Duration Now() { return absl::Nanoseconds(ClockNanos(CLOCK_MONOTONIC)); }

// The load, from when it is made until it is ended.
class RunningLoad {
 public:
  static absl::StatusOr<std::unique_ptr<RunningLoad>> Start(ReplicatedServer& server,
                                                            const CopyLoad& load, uint64_t seed) {
    auto writers = server.Connect(WorkloadOperation::kSet, kCopyWriters, seed);
    if (!writers.ok()) return writers.status();
    auto reader = server.Connect(WorkloadOperation::kGet, kReader,
                                 seed + static_cast<uint64_t>(kCopyWriters.connections));
    if (!reader.ok()) return reader.status();
    return std::unique_ptr<RunningLoad>(
        new RunningLoad(*std::move(writers), *std::move(reader), load));
  }

  absl::StatusOr<CopyLoadResult> End() {
    const auto gets = reader_.End();  // first: it is to see the writers until its end
    const auto sets = writers_.End();
    if (!gets.ok()) return absl::Status(gets.status().code(), Named("reader", gets.status()));
    if (!sets.ok()) return absl::Status(sets.status().code(), Named("writers", sets.status()));
    if (gets->failures > 0) {
      return absl::InternalError(absl::StrCat(gets->failures, " of ", gets->latencies.count(),
                                              " Gets failed, the first: ", gets->first_failure));
    }
    CopyLoadResult result;
    result.gets = gets->latencies.count();
    result.get_max_micros = absl::ToDoubleMicroseconds(gets->latencies.max());
    result.get_p99_micros = absl::ToDoubleMicroseconds(gets->latencies.Quantile(0.99));
    result.sets_per_second = static_cast<double>(sets->latencies.count() - sets->failures) * 1e9 /
                             static_cast<double>(sets->elapsed_nanos);
    result.failed_sets = sets->failures;
    result.first_failure = sets->first_failure;
    return result;
  }

 private:
  RunningLoad(std::unique_ptr<LoadGenerator> writers, std::unique_ptr<LoadGenerator> reader,
              const CopyLoad& load)
      : writers_(std::move(writers), {.is_idle = load.idle_writers}),
        reader_(std::move(reader), {.rate = load.reader_rate, .is_real_time = true}) {}

  static std::string Named(const char* who, const absl::Status& status) {
    return absl::StrCat("the ", who, ": ", status.message());
  }

  LoadThread writers_;
  LoadThread reader_;
};

// What a load of its whole time has come to.
absl::StatusOr<CopyLoadResult> RunLoad(ReplicatedServer& server, const CopyLoad& load,
                                       uint64_t seed) {
  auto running = RunningLoad::Start(server, load, seed);
  if (!running.ok()) return running.status();
  absl::SleepFor(load.time);
  return (*running)->End();
}

absl::Status StartAndWatch(ReplicatedServer& server, absl::Duration wait, CopyRound& round) {
  const auto resident = ResidentBytesOf(server.primary());
  if (!resident.ok()) return resident.status();
  round.resident_bytes = *resident;
  const absl::Duration begin = Now();
  if (const absl::Status started = server.StartReplica(); !started.ok()) return started;
  while (true) {
    const auto follows = server.Follows();
    if (absl::IsAborted(follows.status())) return follows.status();
    const absl::Duration elapsed = Now() - begin;
    const auto now_resident = ResidentBytesOf(server.primary());
    if (!now_resident.ok()) return now_resident.status();
    round.growth_bytes =
        std::max(round.growth_bytes, std::max(*now_resident, *resident) - *resident);
    if (elapsed > wait) return absl::OkStatus();
    if (follows.ok() && *follows) {
      round.seconds = absl::ToDoubleSeconds(elapsed);
      return absl::OkStatus();
    }
    absl::SleepFor(kBetweenLooks);
  }
}

absl::Status CheckWhole(ReplicatedServer& server, uint64_t entries) {
  const auto copied = server.CountReplicaEntries();
  if (!copied.ok()) return copied.status();
  if (*copied == entries) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("the replica follows, and has ", *copied, " of ", entries, " entries"));
}

}  // namespace

absl::StatusOr<CopyRound> MeasureCopy(const CopyRoundOptions& options) {
  const auto server = ReplicatedServer::Start({options.larderd, Followers::kLater, options.workload,
                                               options.log_bytes, options.copy_bytes_per_second});
  if (!server.ok()) return server.status();
  CopyRound round;
  std::unique_ptr<RunningLoad> load;
  if (options.load.has_value()) {
    auto before = RunLoad(**server, *options.load, options.seed);
    if (!before.ok()) return before.status();
    round.before = *std::move(before);
    auto during = RunningLoad::Start(**server, *options.load, options.seed + 100);
    if (!during.ok()) return during.status();
    load = *std::move(during);
  }
  const absl::Status watched = StartAndWatch(**server, options.wait, round);
  if (!watched.ok()) return watched;
  if (load != nullptr) {
    auto result = load->End();
    if (!result.ok()) return result.status();
    round.during = *std::move(result);
  }
  if (load != nullptr && round.seconds.has_value()) {
    auto after = RunLoad(**server, *options.load, options.seed + 200);
    if (!after.ok()) return after.status();
    round.after = *std::move(after);
  }
  if (round.seconds.has_value()) {
    const absl::Status whole = CheckWhole(**server, options.workload.keys());
    if (!whole.ok()) return whole;
  }
  return round;
}

}  // namespace larder::bench
