#include <sys/resource.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "client/flags/arguments.h"
#include "nlohmann/json.hpp"
#include "tests/bench/check_range.h"
#include "tests/bench/find_larderd.h"
#include "tests/bench/hot_path/measured_server.h"
#include "tests/bench/hot_path/running_server.h"
#include "tests/bench/hot_path/workload.h"
#include "tests/bench/median.h"
#include "tests/bench/subcommands.h"

namespace larder::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kConnections = 10'000;
constexpr int64_t kConnectionsMax = 100'000;
constexpr uint64_t kRate = 20'000;
constexpr int64_t kRateMax = 10'000'000;
constexpr int kRoundsMax = 1000;
// Until larderd has given back what a connection needs only while it is used.
constexpr absl::Duration kRest = absl::Seconds(3);
constexpr char kWorkload[] = "get_100_4x50";

struct IdleArguments {
  std::string larderd;  // empty: beside this program
  std::string transport = "nghttp2";
  std::optional<uint64_t> connections;
  std::optional<uint64_t> rate;
  int rounds = 5;
  bool json = false;
};

// Latencies of hits, with and without the idle connections.
struct Latencies {
  std::vector<double> p50;
  std::vector<double> p99;
  std::vector<double> cpu;

  void Add(const Measurement& measurement) {
    p50.push_back(measurement.p50_micros);
    p99.push_back(measurement.p99_micros);
    cpu.push_back(measurement.cpu_micros);
  }
};

absl::Status AllowOpenFiles(uint64_t files) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return absl::ErrnoToStatus(errno, "getrlimit");
  if (limit.rlim_max < files) {
    return absl::FailedPreconditionError(absl::StrCat(
        "this process may have ", limit.rlim_max, " open files (ulimit -Hn), and needs ", files));
  }
  limit.rlim_cur = std::max<rlim_t>(limit.rlim_cur, files);
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return absl::ErrnoToStatus(errno, "setrlimit");
  return absl::OkStatus();
}

Json ToJson(const Latencies& latencies) {
  return {{"p50_micros", Median(latencies.p50)},
          {"p99_micros", Median(latencies.p99)},
          {"cpu_micros", Median(latencies.cpu)}};
}

std::string ToText(const char* name, const Latencies& latencies) {
  return absl::StrFormat("%-12s %10.0f %10.0f %10.2f\n", name, Median(latencies.p50),
                         Median(latencies.p99), Median(latencies.cpu));
}

absl::Status Run(const IdleArguments& arguments, Invocation& invocation) {
  const uint64_t connections = arguments.connections.value_or(kConnections);
  const uint64_t rate = arguments.rate.value_or(kRate);
  absl::Status status =
      CheckRange("connections", static_cast<int64_t>(connections), kConnectionsMax);
  status.Update(CheckRange("rate", static_cast<int64_t>(rate), kRateMax));
  status.Update(AllowOpenFiles(connections + 100));
  const auto larderd = FindLarderd(arguments.larderd);
  status.Update(larderd.status());
  const auto workloads = FindWorkloads({kWorkload});
  status.Update(workloads.status());
  if (!status.ok()) return status;
  const Workload& workload = workloads->front();
  const auto server = MakeLarderServer(*larderd, arguments.transport, /*io_threads=*/1);
  const auto quiet = RunningServer::Start(*server, workload);
  if (!quiet.ok()) return quiet.status();
  const auto crowded = RunningServer::Start(*server, workload);
  if (!crowded.ok()) return crowded.status();

  absl::SleepFor(kRest);
  const auto bytes_before = (*crowded)->ResidentBytes();
  if (!bytes_before.ok()) return bytes_before.status();
  // Each has had a call before it is idle.
  const auto idle = (*crowded)->Connect({static_cast<int>(connections), 1}, /*seed=*/1);
  if (!idle.ok()) return idle.status();
  const auto used = (*idle)->Run(connections, /*rate=*/std::nullopt);
  if (!used.ok()) return used.status();
  if (used->failures > 0) {
    return absl::InternalError(
        absl::StrCat(used->failures, " of ", connections,
                     " calls failed before they were to be idle: ", used->first_failure));
  }
  absl::SleepFor(kRest);
  const auto bytes_after = (*crowded)->ResidentBytes();
  if (!bytes_after.ok()) return bytes_after.status();
  const double connection_bytes =
      (static_cast<double>(*bytes_after) - static_cast<double>(*bytes_before)) /
      static_cast<double>(connections);

  Latencies without;
  Latencies with;
  for (int round = 0; round < arguments.rounds; ++round) {
    const RunningServer::RunOptions options{
        .operations = rate, .rate = rate, .seed = static_cast<uint64_t>(round) + 1};
    for (const auto& [running, latencies] :
         {std::pair(quiet->get(), &without), std::pair(crowded->get(), &with)}) {
      const auto measurement = running->Measure(workload.shape, options);
      if (!measurement.ok()) return measurement.status();
      latencies->Add(*measurement);
    }
  }
  if (arguments.json) {
    invocation.out << Json{{"transport", arguments.transport},
                           {"connections", connections},
                           {"rate", rate},
                           {"rounds", arguments.rounds},
                           {"connection_bytes", connection_bytes},
                           {"without", ToJson(without)},
                           {"with", ToJson(with)}}
                          .dump()
                   << "\n";
    return absl::OkStatus();
  }
  invocation.out << "larderd " << arguments.transport << ", " << connections
                 << " idle connections: " << absl::StrFormat("%.1f KiB", connection_bytes / 1024)
                 << " each\n\n"
                 << "Gets, " << workload.shape.connections << " x " << workload.shape.in_flight
                 << ", " << rate << "/s, median of " << arguments.rounds << " rounds\n"
                 << absl::StrFormat("%-12s %10s %10s %10s\n", "idle", "p50 us", "p99 us", "cpu us")
                 << ToText("none", without) << ToText(absl::StrCat(connections).c_str(), with);
  return absl::OkStatus();
}

}  // namespace

void AddIdleCommand(CLI::App& app, Invocation& invocation) {
  auto arguments = std::make_shared<IdleArguments>();
  CLI::App& command = *app.add_subcommand(
      "idle", "What idle connections cost: memory of each, latency of the others");
  cli::AddText(command, "--larderd", "PROGRAM", arguments->larderd,
               "The program; else the one beside this");
  cli::AddChoice(command, "--transport", {"nghttp2", "grpcpp"}, arguments->transport,
                 "Of larderd; else nghttp2");
  cli::AddCount(command, "--connections", arguments->connections, "How many are idle; else 10k");
  cli::AddCount(command, "--rate", arguments->rate, "Gets per second, for a second; else 20k");
  cli::AddWhole<int>(command, "--rounds", arguments->rounds, {1, kRoundsMax},
                     "Of which the median counts; else 5");
  command.add_flag("--json", arguments->json, "Print JSON");
  command.footer(
      "Two servers in turn, one of which has the idle connections. Each of them has had a call.\n"
      "Memory is resident; that of the kernel is not in it.\n"
      "Example: larder_bench idle --connections=1000 --transport=grpcpp");
  command.callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments] { return Run(*arguments, invocation); };
  });
}

}  // namespace larder::bench
