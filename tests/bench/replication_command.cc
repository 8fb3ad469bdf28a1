#include <CLI/App.hpp>
#include <algorithm>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/flags/arguments.h"
#include "tests/bench/child_process.h"
#include "tests/bench/find_larderd.h"
#include "tests/bench/hot_path/process_usage.h"
#include "tests/bench/median.h"
#include "tests/bench/median_and_spread.h"
#include "tests/bench/replicated_server.h"
#include "tests/bench/replication_copy_command.h"
#include "tests/bench/subcommands.h"

namespace larder::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kWorkload[] = "set_100_4x50";  // of its own shapes
constexpr LoadShape kPipelined = {4, 16};
constexpr LoadShape kOneByOne = {50, 1};
constexpr int kRoundsMax = 1000;
constexpr int kSecondsMax = 600;
constexpr int kRateMax = 10'000'000;

constexpr const char* kCpuFlags[] = {"--rate"};

struct ReplicationArguments {
  std::string what = "cpu";
  std::string larderd;  // empty: beside this program
  int rate = 50'000;
  int rounds = 3;
  int seconds = 3;
  bool json = false;
  CopyArguments copy;
};

// A line of the table.
struct Case {
  std::string server;
  std::string larderd;  // the program; empty: redis-server
  Followers followers = Followers::kNone;
  LoadShape shape;
  // One of each round, for each Set.
  std::vector<double> primary_micros = {};
  std::vector<double> replica_micros = {};
  std::vector<double> primary_sleeps = {};
  std::vector<double> replica_sleeps = {};
  std::vector<double> rates = {};
  bool kept_log = true;

  bool has_replica() const { return followers == Followers::kOne; }
  double total_micros() const {
    return Median(primary_micros) + (has_replica() ? Median(replica_micros) : 0);
  }
};

// The same load for so many seconds; how many Sets that were, and per second.
absl::StatusOr<std::pair<uint64_t, double>> Load(LoadGenerator& generator, int rate, int seconds) {
  constexpr uint64_t kAtATime = 20'000;  // without a rate: nobody knows how many they will be
  const bool is_paced = rate > 0;
  uint64_t sets = 0;
  int64_t elapsed_nanos = 0;
  do {
    const uint64_t next =
        is_paced ? static_cast<uint64_t>(rate) * static_cast<uint64_t>(seconds) : kAtATime;
    const auto result =
        generator.Run(next, is_paced ? std::optional<uint64_t>(rate) : std::nullopt);
    if (!result.ok()) return result.status();
    if (result->failures > 0) {
      return absl::InternalError(absl::StrCat(result->failures, " of ", next,
                                              " Sets failed, the first: ", result->first_failure));
    }
    sets += next;
    elapsed_nanos += result->elapsed_nanos;
  } while (!is_paced && elapsed_nanos < int64_t{seconds} * 1'000'000'000);
  return std::pair(sets, static_cast<double>(sets) * 1e9 / static_cast<double>(elapsed_nanos));
}

void Note(const ProcessUsage& begin, const ProcessUsage& end, double sets,
          std::vector<double>& micros, std::vector<double>& sleeps) {
  micros.push_back(static_cast<double>(end.cpu_nanos - begin.cpu_nanos) / 1e3 / sets);
  sleeps.push_back(static_cast<double>(end.sleeps - begin.sleeps) / sets);
}

absl::Status MeasureRound(const ReplicationArguments& arguments, int round,
                          const Workload& workload, Case& measured) {
  const auto server = ReplicatedServer::Start({measured.larderd, measured.followers, workload});
  if (!server.ok()) return server.status();
  const auto generator = (*server)->Connect(WorkloadOperation::kSet, measured.shape,
                                            static_cast<uint64_t>(round) * 1000);
  if (!generator.ok()) return generator.status();
  const auto warmed_up = (*generator)->Run(workload.keys(), /*rate=*/std::nullopt);
  if (!warmed_up.ok()) return warmed_up.status();
  if (const absl::Status caught_up = (*server)->WaitUntilCaughtUp(); !caught_up.ok()) {
    return caught_up;
  }
  const std::optional<pid_t> replica = (*server)->replica();
  const auto primary_begin = UsageOfProcess((*server)->primary());
  if (!primary_begin.ok()) return primary_begin.status();
  const auto replica_begin = replica.has_value() ? UsageOfProcess(*replica) : ProcessUsage{};
  if (!replica_begin.ok()) return replica_begin.status();
  const auto load = Load(**generator, arguments.rate, arguments.seconds);
  if (!load.ok()) return load.status();
  // What was put off is part of what a Set costs.
  if (const absl::Status caught_up = (*server)->WaitUntilCaughtUp(); !caught_up.ok()) {
    return caught_up;
  }
  const auto primary_end = UsageOfProcess((*server)->primary());
  if (!primary_end.ok()) return primary_end.status();
  const double sets = static_cast<double>(load->first);
  Note(*primary_begin, *primary_end, sets, measured.primary_micros, measured.primary_sleeps);
  measured.rates.push_back(load->second);
  if (measured.followers == Followers::kGone) {
    const auto keeps_log = (*server)->KeepsLog();
    if (!keeps_log.ok()) return keeps_log.status();
    measured.kept_log = measured.kept_log && *keeps_log;
  }
  if (!replica.has_value()) return absl::OkStatus();
  const auto replica_end = UsageOfProcess(*replica);
  if (!replica_end.ok()) return replica_end.status();
  Note(*replica_begin, *replica_end, sets, measured.replica_micros, measured.replica_sleeps);
  return absl::OkStatus();
}

std::vector<Case> Cases(const std::string& larderd, bool has_redis) {
  std::vector<Case> cases = {{"larderd", larderd, Followers::kNone, kPipelined},
                             {"larderd, log only", larderd, Followers::kGone, kPipelined},
                             {"larderd + replica", larderd, Followers::kOne, kPipelined}};
  if (!has_redis) return cases;
  for (const LoadShape& shape : {kPipelined, kOneByOne}) {
    cases.push_back({"redis", "", Followers::kNone, shape});
    cases.push_back({"redis + replica", "", Followers::kOne, shape});
  }
  return cases;
}

const Case& Find(const std::vector<Case>& cases, bool is_redis, Followers followers,
                 const LoadShape& shape) {
  return *std::ranges::find_if(cases, [&](const Case& each) {
    return each.larderd.empty() == is_redis && each.followers == followers && each.shape == shape;
  });
}

// What the replica costs, of both processes.
double Increase(const std::vector<Case>& cases, bool is_redis, const LoadShape& shape) {
  return Find(cases, is_redis, Followers::kOne, shape).total_micros() -
         Find(cases, is_redis, Followers::kNone, shape).total_micros();
}

std::string MedianOf(const std::vector<double>& values) {
  return values.empty() ? "-" : absl::StrFormat("%.3f", Median(values));
}

std::string ToText(const std::vector<Case>& cases, bool has_redis) {
  std::string text = absl::StrFormat("%-18s %-7s %9s  %-22s %-22s %9s %9s\n", "server", "load",
                                     "Sets/s", "primary us", "replica us", "sleeps", "replica's");
  for (const Case& each : cases) {
    absl::StrAppendFormat(&text, "%-18s %2d x %-2d %9.0f  %-22s %-22s %9s %9s%s\n", each.server,
                          each.shape.connections, each.shape.in_flight, Median(each.rates),
                          MedianAndSpread(each.primary_micros, 2),
                          MedianAndSpread(each.replica_micros, 2), MedianOf(each.primary_sleeps),
                          MedianOf(each.replica_sleeps),
                          each.kept_log ? "" : "  ATTENTION: it kept no log");
  }
  const double larderd = Increase(cases, /*is_redis=*/false, kPipelined);
  absl::StrAppendFormat(&text, "\na replica costs, at both: larderd %.2f us a Set", larderd);
  if (!has_redis) return text + "\nATTENTION: redis-server is NOT INSTALLED, nothing to compare\n";
  for (const LoadShape& shape : {kPipelined, kOneByOne}) {
    const double redis = Increase(cases, /*is_redis=*/true, shape);
    absl::StrAppendFormat(&text, "; redis %d x %d %.2f us (ratio %.2f)", shape.connections,
                          shape.in_flight, redis, larderd / redis);
  }
  return text + "\n";
}

Json ToJson(const std::vector<Case>& cases) {
  Json rows = Json::array();
  for (const Case& each : cases) {
    rows.push_back({{"server", each.server},
                    {"connections", each.shape.connections},
                    {"in_flight", each.shape.in_flight},
                    {"kept_log", each.kept_log},
                    {"sets_per_second", each.rates},
                    {"primary_micros", each.primary_micros},
                    {"replica_micros", each.replica_micros},
                    {"primary_sleeps", each.primary_sleeps},
                    {"replica_sleeps", each.replica_sleeps}});
  }
  return rows;
}

// INVALID_ARGUMENT: a flag is given that would change nothing.
template <size_t n>
absl::Status RefuseFlags(const CLI::App& command, const char* const (&flags)[n],
                         const ReplicationArguments& arguments) {
  for (const char* const flag : flags) {
    if (command.count(flag) == 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": --what=", arguments.what, " does not use it"));
  }
  return absl::OkStatus();
}

absl::Status RunCpu(const ReplicationArguments& arguments, Invocation& invocation) {
  const auto larderd = FindLarderd(arguments.larderd);
  if (!larderd.ok()) return larderd.status();
  const auto workloads = FindWorkloads({kWorkload});
  if (!workloads.ok()) return workloads.status();
  const bool has_redis = !FindProgram(MakeRedisServer()->program()).empty();
  std::vector<Case> cases = Cases(*larderd, has_redis);
  for (int round = 0; round < arguments.rounds; ++round) {
    for (Case& each : cases) {
      const absl::Status status = MeasureRound(arguments, round, workloads->front(), each);
      if (!status.ok()) {
        return absl::Status(status.code(), absl::StrCat(each.server, ": ", status.message()));
      }
    }
  }
  if (arguments.json) {
    invocation.out << Json{{"rate", arguments.rate},
                           {"seconds", arguments.seconds},
                           {"rounds", arguments.rounds},
                           {"rows", ToJson(cases)}}
                          .dump()
                   << "\n";
    return absl::OkStatus();
  }
  invocation.out << "Processor time of servers for a Set of 16 B keys and 100 B values, "
                 << (arguments.rate == 0 ? "as fast as they are answered"
                                         : absl::StrCat("at ", arguments.rate, "/s"))
                 << ", median (least-most) of " << arguments.rounds << " rounds of "
                 << arguments.seconds << " s\n\n"
                 << ToText(cases, has_redis);
  return absl::OkStatus();
}

absl::Status Run(const CLI::App& command, const ReplicationArguments& arguments,
                 Invocation& invocation) {
  const bool is_copy = arguments.what == "copy";
  const absl::Status status = is_copy ? RefuseFlags(command, kCpuFlags, arguments)
                                      : RefuseFlags(command, kCopyFlags, arguments);
  if (!status.ok()) return status;
  if (!is_copy) return RunCpu(arguments, invocation);
  return RunCopy(arguments.copy,
                 {arguments.larderd, arguments.rounds, arguments.seconds, arguments.json},
                 invocation);
}

}  // namespace

void AddReplicationCommand(CLI::App& app, Invocation& invocation) {
  auto arguments = std::make_shared<ReplicationArguments>();
  CLI::App& command = *app.add_subcommand(
      "replication",
      "What a replica costs at larderd and at redis-server: processor time, its copy");
  cli::AddChoice(command, "--what", {"cpu", "copy"}, arguments->what,
                 "Processor time of a Set, or a full copy; else cpu");
  cli::AddText(command, "--larderd", "PROGRAM", arguments->larderd,
               "The program; else the one beside this");
  cli::AddWhole<int>(command, "--rate", arguments->rate, {0, kRateMax},
                     "cpu: Sets per second; 0: as many as are answered; else 50000");
  cli::AddWhole<int>(command, "--rounds", arguments->rounds, {1, kRoundsMax},
                     "Of which the median counts; else 3");
  cli::AddWhole<int>(command, "--seconds", arguments->seconds, {1, kSecondsMax},
                     "Of a round, of the load before a copy; else 3");
  AddCopyFlags(command, arguments->copy);
  command.add_flag("--json", arguments->json, "Print JSON");
  command.footer(
      "Each round starts each case anew, one after the other. --what=cpu: without a bus, with a "
      "log whose\n"
      "reader has gone, with a replica; redis-server without and with one. Measured is from when\n"
      "the replica follows (its copy does not count) until it has all that was written.\n"
      "Processor time is utime + stime of all threads of the process. sleeps: how often its\n"
      "threads waited (voluntary context switches), for each Set.\n"
      "--what=copy: a new replica comes to a full primary, larderd and redis-server, without any\n"
      "load and with one: writers on 4 connections with 16 Sets in flight on each, of keys at\n"
      "random, as fast as they are answered, and a reader at a steady rate on a connection of its\n"
      "own. Seconds are from the start of the replica's process (--replica_of, --replicaof) until\n"
      "it has all and follows (redis: master_link_status:up). The load goes on for --seconds\n"
      "before that, for comparison. A copy that is not there after --copy_wait is given up, and\n"
      "said so. primary grew: the most resident memory of its process (not of redis' child)\n"
      "during the copy, less what it had before.\n"
      "Example: larder_bench replication --rate=50000 --rounds=5\n"
      "Example: larder_bench replication --what=copy --rounds=3 --idle_writers");
  command.callback([&command, &invocation, arguments] {
    invocation.run = [&command, &invocation, arguments] {
      return Run(command, *arguments, invocation);
    };
  });
}

}  // namespace larder::bench
