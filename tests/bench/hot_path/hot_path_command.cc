#include <CLI/App.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "client/flags/arguments.h"
#include "client/flags/units.h"
#include "tests/bench/check_range.h"
#include "tests/bench/child_process.h"
#include "tests/bench/find_larderd.h"
#include "tests/bench/hot_path/instruction_count.h"
#include "tests/bench/hot_path/measured_server.h"
#include "tests/bench/hot_path/measurement_table.h"
#include "tests/bench/hot_path/running_server.h"
#include "tests/bench/hot_path/workload.h"
#include "tests/bench/processor_choice.h"
#include "tests/bench/subcommands.h"

namespace larder::bench {
namespace {

using Json = nlohmann::ordered_json;
using Servers = std::vector<std::unique_ptr<MeasuredServer>>;

constexpr absl::Duration kVersionTimeout = absl::Seconds(10);
constexpr int kAlternationsMax = 1000;
constexpr int kIoThreadsMax = 64;
constexpr int64_t kOperationsMax = 20'000'000;  // of each, a few bytes are kept until the end
constexpr int64_t kRateMax = 10'000'000;

struct HotPathArguments {
  std::string larderd;  // empty: beside this program
  std::vector<std::string> transports = {"nghttp2", "grpcpp"};
  std::vector<std::string> workloads;  // empty: all
  int alternations = 5;
  std::vector<int> io_threads = {1};
  std::optional<uint64_t> operations;
  std::optional<uint64_t> rate;
  bool pin = false;
  bool instructions = false;
  bool json = false;
};

absl::Status CheckArguments(const HotPathArguments& arguments) {
  absl::Status status;
  if (std::set<int>(arguments.io_threads.begin(), arguments.io_threads.end()).size() <
      arguments.io_threads.size()) {
    return absl::InvalidArgumentError("--io_threads: a number is there twice");
  }
  for (const int io_threads : arguments.io_threads) {
    if (status.ok()) status = CheckRange("io_threads", io_threads, kIoThreadsMax);
  }
  if (status.ok() && arguments.operations.has_value()) {
    status = CheckRange("operations", static_cast<int64_t>(*arguments.operations), kOperationsMax);
  }
  if (status.ok() && arguments.rate.has_value()) {
    status = CheckRange("rate", static_cast<int64_t>(*arguments.rate), kRateMax);
  }
  if (status.ok() && arguments.pin && ProcessorChoice().count() < 2) {
    return absl::FailedPreconditionError("--pin needs two processors; there is one");
  }
  return status;
}

absl::StatusOr<Servers> MakeServers(const HotPathArguments& arguments) {
  const absl::StatusOr<std::string> larderd = FindLarderd(arguments.larderd);
  if (!larderd.ok()) return larderd.status();
  Servers servers;
  for (const std::string& transport : arguments.transports) {
    for (const int io_threads : arguments.io_threads) {
      servers.push_back(MakeLarderServer(*larderd, transport, io_threads));
      if (transport == "grpcpp") break;  // gRPC has threads of its own, as many as it likes
    }
  }
  servers.push_back(MakeRedisServer());
  if (arguments.instructions) return servers;  // the others do not start under valgrind
  for (const int io_threads : arguments.io_threads) {
    servers.push_back(MakeMemcachedServer(io_threads));
  }
  servers.push_back(MakeFloorServer());
  return servers;
}

// The first line that the program prints about itself.
absl::StatusOr<std::string> VersionOf(const MeasuredServer& server) {
  if (!server.is_cache()) return "larder_bench";
  const auto process = ChildProcess::Start({server.program(), "--version"});
  if (!process.ok()) return process.status();
  const auto output = (*process)->ReadUntilEnd(kVersionTimeout);
  if (!output.ok()) return output.status();
  return output->substr(0, output->find('\n'));
}

absl::Status MeasureOn(const MeasuredServer& server, const Workload& workload,
                       const RunningServer::RunOptions& options, MeasurementTable& table) {
  const ProcessorChoice processors;
  if (options.spins) processors.UseOthers();
  const auto running = RunningServer::Start(server, workload);
  if (!running.ok()) return running.status();
  if (options.spins) processors.UseLast();
  for (const LoadShape& shape : server.Shapes(workload)) {
    const auto measurement = (*running)->Measure(shape, options);
    if (!measurement.ok()) return measurement.status();
    table.Add(server.name(), *measurement);
  }
  return absl::OkStatus();
}

// All servers in turn, again and again.
absl::StatusOr<MeasurementTable> MeasureWorkload(const HotPathArguments& arguments,
                                                 const Servers& servers, const Workload& workload) {
  MeasurementTable table(workload);
  for (int i = 0; i < arguments.alternations; ++i) {
    RunningServer::RunOptions options;
    options.operations = arguments.operations.value_or(workload.operations);
    options.rate = arguments.rate;
    options.counts_system_calls = i == 0;
    options.seed = static_cast<uint64_t>(i) * 1000 + 1;  // connections add their number
    options.spins = arguments.pin;
    for (const std::unique_ptr<MeasuredServer>& server : servers) {
      const absl::Status status = MeasureOn(*server, workload, options, table);
      if (status.ok()) continue;
      return absl::Status(status.code(), absl::StrCat(workload.name, " on ", server->name(), ": ",
                                                      status.message()));
    }
  }
  return table;
}

// One line for each server and way of using it.
absl::StatusOr<Json> CountOn(const HotPathArguments& arguments, const Servers& servers,
                             const Workload& workload) {
  constexpr uint64_t kOperations = 20000;
  const uint64_t operations =
      arguments.operations.value_or(kOperations / workload.keys_per_operation);
  Json rows = Json::array();
  for (const std::unique_ptr<MeasuredServer>& server : servers) {
    for (const LoadShape& shape : server->Shapes(workload)) {
      const auto count = CountInstructions(*server, workload, shape, operations);
      if (!count.ok()) return count.status();
      rows.push_back({{"server", server->name()},
                      {"connections", shape.connections},
                      {"in_flight", shape.in_flight},
                      {"instructions", *count}});
    }
  }
  return Json{{"name", workload.name}, {"operations", operations}, {"rows", std::move(rows)}};
}

absl::Status RunInstructions(const HotPathArguments& arguments, const Servers& servers,
                             const std::vector<Workload>& workloads, Invocation& invocation) {
  Json json = Json::array();
  for (const Workload& workload : workloads) {
    const auto counted = CountOn(arguments, servers, workload);
    if (!counted.ok()) return counted.status();
    json.push_back(*counted);
    if (arguments.json) continue;
    std::string text = absl::StrFormat("%-18s %-10s %s\n", workload.name, "load",
                                       "instructions per operation, outside of the kernel");
    for (const Json& row : (*counted)["rows"]) {
      absl::StrAppendFormat(&text, "%-18s %3d x %-4d %.0f\n", row["server"].get<std::string>(),
                            row["connections"].get<int>(), row["in_flight"].get<int>(),
                            row["instructions"].get<double>());
    }
    invocation.out << text << "\n" << std::flush;
  }
  if (arguments.json) invocation.out << Json{{"workloads", json}}.dump() << "\n";
  return absl::OkStatus();
}

std::string Heading(const HotPathArguments& arguments, const Json& servers) {
  std::string text = absl::StrCat(
      "Processor time of servers and latency per operation, median of ", arguments.alternations,
      " runs", arguments.rate.has_value() ? absl::StrCat(" at ", *arguments.rate, "/s") : "",
      arguments.pin ? ", the load on a processor of its own" : "", "\n");
  for (const Json& server : servers) {
    const auto name = server["name"].get<std::string>();
    if (server["installed"].get<bool>()) {
      absl::StrAppend(&text, name, ": ", server["version"].get<std::string>(), "\n");
    } else {
      absl::StrAppend(&text, "ATTENTION: ", name, " is NOT INSTALLED, nothing to compare\n");
    }
  }
  return text;
}

// Takes those that are not installed out of `servers`; describes all of them.
absl::StatusOr<Json> RemoveMissing(Servers& servers) {
  Json described = Json::array();
  Servers installed;
  for (std::unique_ptr<MeasuredServer>& server : servers) {
    Json& json = described.emplace_back(Json{{"name", server->name()}, {"installed", false}});
    if (FindProgram(server->program()).empty()) continue;
    const absl::StatusOr<std::string> version = VersionOf(*server);
    if (!version.ok()) return version.status();
    json["installed"] = true;
    json["version"] = *version;
    installed.push_back(std::move(server));
  }
  servers = std::move(installed);
  return described;
}

absl::Status Run(const HotPathArguments& arguments, Invocation& invocation) {
  const absl::Status valid = CheckArguments(arguments);
  if (!valid.ok()) return valid;
  const auto workloads = FindWorkloads(arguments.workloads);
  if (!workloads.ok()) return workloads.status();
  auto servers = MakeServers(arguments);
  if (!servers.ok()) return servers.status();
  const auto described = RemoveMissing(*servers);
  if (!described.ok()) return described.status();
  if (arguments.instructions) {
    return RunInstructions(arguments, *servers, *workloads, invocation);
  }
  if (!arguments.json) invocation.out << Heading(arguments, *described) << std::flush;
  Json json = {{"alternations", arguments.alternations},
               {"io_threads", arguments.io_threads},
               {"rate", arguments.rate.has_value() ? Json(*arguments.rate) : Json()},
               {"pin", arguments.pin},
               {"servers", *described},
               {"workloads", Json::array()}};
  for (const Workload& workload : *workloads) {
    const auto table = MeasureWorkload(arguments, *servers, workload);
    if (!table.ok()) return table.status();
    // Each as soon as it is there: all of them take a quarter of an hour.
    if (!arguments.json) invocation.out << "\n" << table->ToText() << std::flush;
    json["workloads"].push_back(table->ToJson());
  }
  if (arguments.json) invocation.out << json.dump() << "\n";
  return absl::OkStatus();
}

// In lines.
std::string WorkloadNames() {
  constexpr size_t kNamesPerLine = 6;
  std::string text;
  size_t count = 0;
  for (const Workload& workload : AllWorkloads()) {
    const bool ends_line = ++count % kNamesPerLine == 0 || count == AllWorkloads().size();
    absl::StrAppend(&text, " ", workload.name, ends_line ? "\n" : "");
  }
  return text;
}

absl::StatusOr<std::vector<std::string>> SplitNames(std::string_view text) {
  std::vector<std::string> names = absl::StrSplit(absl::string_view(text.data(), text.size()), ',');
  for (const std::string& name : names) {
    if (name.empty()) return absl::InvalidArgumentError("a name is empty");
  }
  return names;
}

absl::StatusOr<std::vector<int>> ParseNumbers(std::string_view text) {
  std::vector<int> numbers;
  for (const absl::string_view part :
       absl::StrSplit(absl::string_view(text.data(), text.size()), ',')) {
    const auto number = cli::ParseWhole<int>(std::string_view(part.data(), part.size()));
    if (!number) return absl::InvalidArgumentError(absl::StrCat("'", part, "' is no number"));
    numbers.push_back(*number);
  }
  return numbers;
}

void AddLoad(CLI::App& command, const std::shared_ptr<HotPathArguments>& arguments) {
  using Names = std::vector<std::string>;
  cli::AddParsed<Names>(
      command, "--workloads", "A,B,...", &SplitNames,
      [arguments](Names names) { arguments->workloads = std::move(names); },
      "Of those below; else all");
  cli::AddParsed<Names>(
      command, "--transports", "A,B,...", &SplitNames,
      [arguments](Names names) { arguments->transports = std::move(names); },
      "Of larderd, each a server; else nghttp2,grpcpp.\ndefault: what larderd has without it");
  cli::AddCount(command, "--operations", arguments->operations,
                "Of each run; else about a second of redis' processor time");
  cli::AddCount(command, "--rate", arguments->rate,
                "Operations per second, however long the answers take; else each\n"
                "connection asks as soon as it is answered");
}

}  // namespace

void AddHotPathCommand(CLI::App& app, Invocation& invocation) {
  auto arguments = std::make_shared<HotPathArguments>();
  CLI::App& command = *app.add_subcommand(
      "hot_path", "Processor time and latency of larderd, redis-server and memcached");
  cli::AddText(command, "--larderd", "PROGRAM", arguments->larderd,
               "The program; else the one beside this");
  AddLoad(command, arguments);
  cli::AddWhole<int>(command, "--alternations", arguments->alternations, {1, kAlternationsMax},
                     "How often each server has its turn; else 5");
  cli::AddParsed<std::vector<int>>(
      command, "--io_threads", "A,B,...", &ParseNumbers,
      [arguments](std::vector<int> numbers) { arguments->io_threads = std::move(numbers); },
      "Of larderd and memcached, each a server; else 1. In their names: xN");
  command.add_flag("--pin", arguments->pin,
                   "The load has the last processor and never waits, the servers have all others;\n"
                   "else the system places both. For latency at a rate");
  command.add_flag("--instructions", arguments->instructions,
                   "Instead: count larderd's and redis' instructions, by valgrind's callgrind");
  command.add_flag("--json", arguments->json, "Print JSON");
  command.footer(absl::StrCat(
      "Workloads, by operation, bytes of values and connections x operations in flight:\n",
      WorkloadNames(),
      "redis and memcached have 50 connections without pipelining where larderd has 4x50, and\n"
      "redis a second line, pipelined. floor: answers as many bytes as larderd, and does no more.\n"
      "Processor time is the server's and of the kernel for it. client: of the load generator.\n"
      "calls: system calls, of the first run. sleeps: of threads that wait.\n"
      "/redis: processor time over redis' first line.\n"
      "Example: larder_bench hot_path --workloads=get_100_4x50,set_100_4x50\n"
      "         larder_bench hot_path --workloads=get_100_4x50 --rate=50k --io_threads=1,2"));
  command.callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments] { return Run(*arguments, invocation); };
  });
}

}  // namespace larder::bench
