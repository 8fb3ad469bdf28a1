#include "tests/bench/hot_path/running_server.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "tests/bench/hot_path/process_usage.h"
#include "tests/bench/hot_path/system_call_counter.h"
#include "tests/bench/line_connection.h"
#include "tests/bench/server_start.h"
#include "tests/bench/temporary_folder.h"

namespace larder::bench {
namespace {

// Runs, and fails if any operation does.
absl::StatusOr<LoadResult> RunOn(LoadGenerator& generator, uint64_t operations,
                                 std::optional<uint64_t> rate) {
  absl::StatusOr<LoadResult> result = generator.Run(operations, rate);
  if (!result.ok() || result->failures == 0) return result;
  return absl::InternalError(
      absl::StrCat(result->failures, " of ", operations,
                   " operations failed, the first: ", result->first_failure));
}

// Operations to warm up and to count system calls with. Enough to use each connection.
uint64_t ShortRun(const LoadShape& shape, uint64_t operations) {
  constexpr uint64_t kShare = 10;
  return std::max(operations / kShare, static_cast<uint64_t>(shape.connections * shape.in_flight));
}

Measurement MakeMeasurement(const LoadShape& shape, const LoadResult& result,
                            const ProcessUsage& begin, const ProcessUsage& end) {
  const double operations = static_cast<double>(result.latencies.count());
  const auto quantile = [&](double share) {
    return absl::ToDoubleMicroseconds(result.latencies.Quantile(share));
  };
  Measurement measurement;
  measurement.shape = shape;
  measurement.operations = result.latencies.count();
  measurement.cpu_micros = static_cast<double>(end.cpu_nanos - begin.cpu_nanos) / 1e3 / operations;
  measurement.sleeps = static_cast<double>(end.sleeps - begin.sleeps) / operations;
  measurement.operations_per_second = operations * 1e9 / static_cast<double>(result.elapsed_nanos);
  measurement.p50_micros = quantile(0.5);
  measurement.p99_micros = quantile(0.99);
  measurement.p999_micros = quantile(0.999);
  measurement.client_cpu_micros = static_cast<double>(result.cpu_nanos) / 1e3 / operations;
  measurement.sent_bytes = static_cast<double>(result.sent_bytes) / operations;
  measurement.received_bytes = static_cast<double>(result.received_bytes) / operations;
  return measurement;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RunningServer>> RunningServer::Start(
    const MeasuredServer& server, const Workload& workload,
    const std::vector<std::string>& wrapper) {
  std::unique_ptr<RunningServer> running(new RunningServer(server, workload));
  absl::Status status = running->StartProcess(wrapper);
  if (status.ok() && server.is_cache()) status = running->Fill();
  if (!status.ok()) return status;
  return running;
}

RunningServer::RunningServer(const MeasuredServer& server, const Workload& workload)
    : server_(server), workload_(workload), keys_(kWorkloadKeyBytes, workload.keys()) {
  for (uint64_t i = 0; i < workload.keys(); ++i) keys_.Add(i);
}

absl::Status RunningServer::StartProcess(const std::vector<std::string>& wrapper) {
  const TemporaryFolder folder;
  if (!folder.ok()) return absl::InternalError("cannot make a folder in /tmp");
  const auto port = FreePort();
  if (!port.ok()) return port.status();
  port_ = *port;
  std::vector<std::string> command = wrapper;
  for (std::string& word : server_.Command(port_, folder.path(), workload_)) {
    command.push_back(std::move(word));
  }
  auto process = ChildProcess::Start(command);
  if (!process.ok()) return process.status();
  process_ = *std::move(process);
  return WaitUntilReady(*process_, port_).status();
}

absl::Status RunningServer::Fill() {
  constexpr size_t kInFlightMax = 64;
  constexpr size_t kBytesInFlightMax = 4 << 20;
  Workload fill = workload_;
  fill.operation = WorkloadOperation::kSet;
  fill.keys_per_operation = 1;
  const size_t in_flight =
      std::clamp<size_t>(kBytesInFlightMax / fill.value_bytes, 1, kInFlightMax);
  // One connection, so that the keys come in turn.
  const auto generator =
      LoadGenerator::Connect({port_, {1, static_cast<int>(in_flight)}, [&](int /*connection*/) {
                                return server_.MakeProtocol(fill, port_, KeyPicker::InTurn(keys_));
                              }});
  if (!generator.ok()) return generator.status();
  return RunOn(**generator, keys_.size(), /*rate=*/std::nullopt).status();
}

absl::StatusOr<std::unique_ptr<LoadGenerator>> RunningServer::Connect(const LoadShape& shape,
                                                                      uint64_t seed, bool spins) {
  LoadGenerator::Options options{port_, shape,
                                 [&](int connection) {
                                   return server_.MakeProtocol(
                                       workload_, port_,
                                       KeyPicker::AtRandom(keys_, seed + connection));
                                 },
                                 spins};
  return LoadGenerator::Connect(options);
}

absl::Status RunningServer::Run(const LoadShape& shape, uint64_t operations) {
  const auto generator = Connect(shape, /*seed=*/1);
  if (!generator.ok()) return generator.status();
  return RunOn(**generator, operations, /*rate=*/std::nullopt).status();
}

absl::Status RunningServer::Stop() {
  constexpr absl::Duration kTimeout = absl::Seconds(30);
  kill(process_->pid(), SIGTERM);
  return process_->ReadUntilEnd(kTimeout).status();
}

absl::StatusOr<Measurement> RunningServer::Measure(const LoadShape& shape,
                                                   const RunOptions& options) {
  const auto generator = Connect(shape, options.seed, options.spins);
  if (!generator.ok()) return generator.status();
  const uint64_t short_run = ShortRun(shape, options.operations);
  const auto warmed_up = RunOn(**generator, short_run, /*rate=*/std::nullopt);
  if (!warmed_up.ok()) return warmed_up.status();
  const auto begin = UsageOfProcess(process_->pid());
  if (!begin.ok()) return begin.status();
  const auto result = RunOn(**generator, options.operations, options.rate);
  if (!result.ok()) return result.status();
  const auto end = UsageOfProcess(process_->pid());
  if (!end.ok()) return end.status();
  Measurement measurement = MakeMeasurement(shape, *result, *begin, *end);
  if (options.counts_system_calls) {
    const auto system_calls = CountSystemCalls(**generator, short_run, options);
    if (!system_calls.ok()) return system_calls.status();
    measurement.system_calls = *system_calls;
  }
  return measurement;
}

absl::StatusOr<std::optional<double>> RunningServer::CountSystemCalls(LoadGenerator& generator,
                                                                      uint64_t operations,
                                                                      const RunOptions& options) {
  const auto counter = SystemCallCounter::Start(process_->pid());
  if (!counter.ok()) return std::optional<double>();
  const auto result = RunOn(generator, operations, options.rate);
  if (!result.ok()) return result.status();
  const auto count = counter->Read();
  if (!count.ok()) return std::optional<double>();
  return static_cast<double>(*count) / static_cast<double>(operations);
}

}  // namespace larder::bench
