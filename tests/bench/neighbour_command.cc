#include <sched.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "client/flags/arguments.h"
#include "larder/v1/admin.pb.h"
#include "larder/v1/cache.pb.h"
#include "tests/bench/find_larderd.h"
#include "tests/bench/hot_path/load_generator.h"
#include "tests/bench/hot_path/running_server.h"
#include "tests/bench/median.h"
#include "tests/bench/same_call_protocol.h"
#include "tests/bench/subcommands.h"
#include "tests/gzipped.h"

namespace larder::bench {
namespace {

constexpr char kWorkload[] = "get_100_4x50";
constexpr uint64_t kRate = 100;  // so few that they do not wait for each other
constexpr int kRoundsMax = 1000;
constexpr int kSecondsMax = 600;

struct NeighbourArguments {
  std::string larderd;  // empty: beside this program
  int rounds = 5;
  int seconds = 3;
  std::vector<std::string> only;  // of the neighbours; empty: all
};

// What the other connection sends.
struct Neighbour {
  const char* name;
  SameCall call;
  int in_flight = 0;  // 0: there is none
};

SameCall GetOf(const std::string& key) {
  v1::GetRequest request;
  request.set_key(key);
  return {"/larder.v1.Cache/Get", request.SerializeAsString()};
}

std::vector<Neighbour> MultiKeyNeighbours() {
  constexpr int kItems = 10000;
  v1::MultiSetRequest sets;
  v1::MultiGetRequest gets;
  v1::MultiDeleteRequest deletes;
  for (int i = 0; i < kItems; ++i) {
    v1::SetRequest* const set = sets.add_items();
    set->set_key(absl::StrCat("k", i));
    set->set_value(std::string(100, 'v'));
    gets.add_items()->set_key(set->key());
    deletes.add_items()->set_key(set->key());
  }
  v1::MultiSetRequest large;
  for (int i = 0; i < 15; ++i) {
    v1::SetRequest* const set = large.add_items();
    set->set_key(absl::StrCat("large", i));
    set->set_value(std::string(1 << 20, 'v'));
  }
  v1::MultiGetRequest get_large;
  for (int i = 0; i < 4; ++i) get_large.add_items()->set_key(absl::StrCat("large", i));
  v1::PipelineRequest pipeline;
  *pipeline.mutable_multi_get() = gets;
  return {
      {"multi_set", {"/larder.v1.Cache/MultiSet", sets.SerializeAsString()}, 20},
      {"multi_get", {"/larder.v1.Cache/MultiGet", gets.SerializeAsString()}, 20},
      {"multi_get_in", {"/larder.v1.Cache/Pipeline", pipeline.SerializeAsString()}, 20},
      {"multi_delete", {"/larder.v1.Cache/MultiDelete", deletes.SerializeAsString()}, 20},
      {"multi_set_1m", {"/larder.v1.Cache/MultiSet", large.SerializeAsString()}, 4},
      {"multi_get_1m", {"/larder.v1.Cache/MultiGet", get_large.SerializeAsString()}, 4},
  };
}

std::vector<Neighbour> MaintenanceNeighbours() {
  v1::SlotStatsRequest slots;
  slots.set_last(16383);
  return {
      {"slot_stats", {"/larder.v1.Maintenance/SlotStats", slots.SerializeAsString()}, 20},
      {"stats", {"/larder.v1.Maintenance/Stats", ""}, 20},
      {"memory_stats", {"/larder.v1.Maintenance/MemoryStats", ""}, 20},
      {"get_config", {"/larder.v1.Maintenance/GetConfig", ""}, 20},
  };
}

std::vector<Neighbour> Neighbours() {
  std::vector<Neighbour> neighbours = {{"none", {}, 0}, {"get", GetOf("absent"), 100}};
  v1::ScanRequest scan;
  scan.set_prefix("no key begins so");
  neighbours.push_back({"scan", {"/larder.v1.Cache/Scan", scan.SerializeAsString()}, 100});
  for (Neighbour& neighbour : MultiKeyNeighbours()) neighbours.push_back(std::move(neighbour));
  scan.set_prefix("large");
  scan.set_limit(1000);
  neighbours.push_back({"scan_1m", {"/larder.v1.Cache/Scan", scan.SerializeAsString()}, 20});
  v1::SetRequest set;
  set.set_key("large");
  set.set_value(std::string(4'000'000, 'v'));
  neighbours.push_back({"set_4m", {"/larder.v1.Cache/Set", set.SerializeAsString()}, 4});
  neighbours.push_back({"get_4m", GetOf("large"), 4});
  v1::AppendRequest append;
  append.set_key("large");
  append.set_value("v");
  neighbours.push_back({"append_4m", {"/larder.v1.Cache/Append", append.SerializeAsString()}, 20});
  for (Neighbour& neighbour : MaintenanceNeighbours()) neighbours.push_back(std::move(neighbour));
  // 16 MiB of items that are empty, and of nothing.
  std::string items;
  for (int i = 0; i < (8 << 20) - 100; ++i) items.append("\x0a\0", 2);
  neighbours.push_back({"gzip_items", {"/larder.v1.Cache/MultiSet", Gzipped(items), true}, 4});
  // 16 MiB that are a value, as random as text.
  set.set_key("packed");
  std::string text;
  for (uint32_t i = 0; text.size() < 4'000'000; ++i) text += std::to_string(i * 2654435761u);
  text.resize(4'000'000);
  set.set_value(text);
  neighbours.push_back(
      {"gzip_set", {"/larder.v1.Cache/Set", Gzipped(set.SerializeAsString()), true}, 4});
  neighbours.push_back({"flush", {"/larder.v1.Maintenance/Flush", ""}, 20});
  return neighbours;
}

absl::StatusOr<std::unique_ptr<LoadGenerator>> ConnectFor(const SameCall& call, int in_flight,
                                                          uint16_t port) {
  return LoadGenerator::Connect({port, {1, in_flight}, [&](int /*connection*/) {
                                   return std::make_unique<SameCallProtocol>(call, "127.0.0.1");
                                 }});
}

// Sends a neighbour's calls until it ends, over a new connection when the server ends one (as it
// does with a flood). Stands for a client on another machine: it takes a processor of this one only
// while neither the server nor the client beside it wants it. Not thread-safe.
class NeighbourThread {
 public:
  NeighbourThread(const Neighbour& neighbour, uint16_t port)
      : thread_([this, neighbour, port] { Run(neighbour, port); }) {}
  ~NeighbourThread() { End().IgnoreError(); }

  // How many calls it made by now.
  uint64_t calls() const { return calls_; }

  // UNAVAILABLE, INTERNAL, DEADLINE_EXCEEDED: it had ended by itself, as LoadGenerator says.
  absl::Status End() {
    is_ending_ = true;
    if (thread_.joinable()) thread_.join();
    return status_;
  }

 private:
  void Run(const Neighbour& neighbour, uint16_t port) {
    const sched_param none{};
    sched_setscheduler(0, SCHED_IDLE, &none);  // of this thread
    while (!is_ending_ && status_.ok()) {
      const auto generator = ConnectFor(neighbour.call, neighbour.in_flight, port);
      status_ = generator.status();
      if (status_.ok()) status_ = CallOver(**generator, neighbour.in_flight);
      if (absl::IsUnavailable(status_) && calls_ > 0) status_ = absl::OkStatus();
    }
  }
  // Calls until it ends, or the connection does.
  absl::Status CallOver(LoadGenerator& generator, int in_flight) {
    while (!is_ending_) {
      const auto result = generator.Run(static_cast<uint64_t>(in_flight), std::nullopt);
      if (!result.ok()) return result.status();
      calls_ += static_cast<uint64_t>(in_flight);
    }
    return absl::OkStatus();
  }

  std::atomic<bool> is_ending_{false};
  std::atomic<uint64_t> calls_{0};
  absl::Status status_;  // of the thread, until it has ended
  std::thread thread_;
};

absl::Status Run(const NeighbourArguments& arguments, Invocation& invocation) {
  const auto larderd = FindLarderd(arguments.larderd);
  absl::Status status = larderd.status();
  const auto workloads = FindWorkloads({kWorkload});
  status.Update(workloads.status());
  if (!status.ok()) return status;
  for (const std::string& name : arguments.only) {
    const auto neighbours = Neighbours();
    if (std::ranges::none_of(neighbours, [&](const Neighbour& n) { return n.name == name; })) {
      return absl::InvalidArgumentError(absl::StrCat("--only: there is no neighbour '", name, "'"));
    }
  }
  const auto server = MakeLarderServer(*larderd, "nghttp2", /*io_threads=*/1);
  const auto running = RunningServer::Start(*server, workloads->front());
  if (!running.ok()) return running.status();
  const uint16_t port = (*running)->port();
  const auto measured = ConnectFor(GetOf("absent"), /*in_flight=*/1, port);
  if (!measured.ok()) return measured.status();

  invocation.out << "Gets on one connection, one at a time, " << kRate << "/s; larderd has one I/O "
                 << "thread; median of " << arguments.rounds << " rounds of " << arguments.seconds
                 << " s\n\n"
                 << absl::StrFormat("%-12s %10s %10s %10s %10s\n", "neighbour", "calls/s", "p50 us",
                                    "p99 us", "max us");
  for (const Neighbour& neighbour : Neighbours()) {
    const bool is_wanted =
        std::ranges::find(arguments.only, neighbour.name) != arguments.only.end();
    if (!arguments.only.empty() && !is_wanted) continue;
    std::vector<double> p50, p99, max, calls;
    for (int round = 0; round < arguments.rounds; ++round) {
      std::unique_ptr<NeighbourThread> thread;
      if (neighbour.in_flight > 0) thread = std::make_unique<NeighbourThread>(neighbour, port);
      const auto seconds = static_cast<uint64_t>(arguments.seconds);
      const auto result = (*measured)->Run(kRate * seconds, kRate);
      if (!result.ok()) return result.status();
      p50.push_back(absl::ToDoubleMicroseconds(result->latencies.Quantile(0.5)));
      p99.push_back(absl::ToDoubleMicroseconds(result->latencies.Quantile(0.99)));
      max.push_back(absl::ToDoubleMicroseconds(result->latencies.max()));
      calls.push_back(thread == nullptr ? 0
                                        : static_cast<double>(thread->calls()) / arguments.seconds);
      if (thread == nullptr) continue;
      if (const absl::Status ended = thread->End(); !ended.ok()) {
        return absl::Status(ended.code(), absl::StrCat(neighbour.name, ": ", ended.message()));
      }
    }
    invocation.out << absl::StrFormat("%-12s %10.0f %10.0f %10.0f %10.0f\n", neighbour.name,
                                      Median(calls), Median(p50), Median(p99), Median(max));
  }
  return absl::OkStatus();
}

}  // namespace

void AddNeighbourCommand(CLI::App& app, Invocation& invocation) {
  auto arguments = std::make_shared<NeighbourArguments>();
  CLI::App& command = *app.add_subcommand(
      "neighbour", "Latency of Gets beside a connection that sends nothing but dear calls");
  cli::AddText(command, "--larderd", "PROGRAM", arguments->larderd,
               "The program; else the one beside this");
  cli::AddWhole<int>(command, "--rounds", arguments->rounds, {1, kRoundsMax},
                     "Of which the median counts; else 5");
  cli::AddWhole<int>(command, "--seconds", arguments->seconds, {1, kSecondsMax},
                     "Of a round; else 3");
  cli::AddParsed<std::vector<std::string>>(
      command, "--only", "A,B,...",
      [](std::string_view text) -> absl::StatusOr<std::vector<std::string>> {
        return absl::StrSplit(absl::string_view(text.data(), text.size()), ',');
      },
      [arguments](std::vector<std::string> names) { arguments->only = std::move(names); },
      "These neighbours; else all");
  command.footer(
      "The latency of a Get counts from when it was due. Both connections are on one I/O thread.\n"
      "Example: larder_bench neighbour --rounds=3");
  command.callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments] { return Run(*arguments, invocation); };
  });
}

}  // namespace larder::bench
