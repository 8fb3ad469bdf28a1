#include <unistd.h>

#include <CLI/App.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "client/flags/arguments.h"
#include "client/flags/units.h"
#include "tests/bench/child_process.h"
#include "tests/bench/eviction_flag.h"
#include "tests/bench/latency_report.h"
#include "tests/bench/latency_run.h"
#include "tests/bench/subcommands.h"
#include "tests/bench/timing_table.h"

namespace larder::bench {
namespace {

constexpr absl::Duration kChildTimeout = absl::Minutes(20);
constexpr int kRoundsMax = 1000;

struct KeyspaceArguments {
  KeyspaceRoundOptions round;
  std::optional<uint64_t> keys;
  std::optional<uint64_t> operations;
  uint64_t key_bytes = 16;
  uint64_t value_bytes = 100;
  std::string against;
  std::optional<int> given_rounds;
  int rounds = 5;
  std::string clock = "cpu";
  bool histogram = false;
  bool json = false;
};

nlohmann::ordered_json Describe(const KeyspaceArguments& arguments) {
  const KeyspaceRoundOptions& round = arguments.round;
  return {{"keys", round.keys},
          {"key_bytes", round.key_bytes},
          {"value_bytes", round.value_bytes},
          {"operations", round.operations},
          {"eviction", std::string(storage::EvictionKindName(round.eviction))},
          {"rounds", arguments.rounds}};
}

std::string Heading(const KeyspaceArguments& arguments) {
  const KeyspaceRoundOptions& round = arguments.round;
  return absl::StrCat("Processor time per operation, median of ", arguments.rounds,
                      " rounds: ", round.keys, " keys of ", round.key_bytes, " B, values of ",
                      round.value_bytes, " B, eviction ",
                      std::string(storage::EvictionKindName(round.eviction)), "\n\n");
}

// Runs one round in a process of its own: a round leaves its allocator in another state.
absl::Status AddRoundOf(const std::string& program, const KeyspaceArguments& arguments,
                        uint64_t seed, TimingTable& table) {
  const KeyspaceRoundOptions& round = arguments.round;
  auto child = ChildProcess::Start(
      {program, "keyspace", "--json", "--rounds=1", absl::StrCat("--keys=", round.keys),
       absl::StrCat("--operations=", round.operations),
       absl::StrCat("--key_bytes=", round.key_bytes),
       absl::StrCat("--value_bytes=", round.value_bytes),
       absl::StrCat("--eviction=", std::string(storage::EvictionKindName(round.eviction))),
       round.memory_bytes.has_value() ? absl::StrCat("--memory=", *round.memory_bytes)
                                      : "--memory=full",
       absl::StrCat("--seed=", seed)});
  if (!child.ok()) return child.status();
  const auto output = (*child)->ReadUntilEnd(kChildTimeout);
  if (!output.ok()) return output.status();
  const auto timings = ParseTimings(*output);
  if (!timings.ok()) return timings.status();
  table.AddRound(*timings);
  return absl::OkStatus();
}

absl::Status RunAgainst(const KeyspaceArguments& arguments, Invocation& invocation) {
  TimingTable ours;
  TimingTable theirs;
  for (int i = 0; i < arguments.rounds; ++i) {
    absl::Status status = AddRoundOf("/proc/self/exe", arguments, arguments.round.seed + i, ours);
    if (status.ok()) {
      status = AddRoundOf(arguments.against, arguments, arguments.round.seed + i, theirs);
    }
    if (!status.ok()) return status;
  }
  if (arguments.json) {
    nlohmann::ordered_json json = Describe(arguments);
    const auto timings = ours.CompareToJson(theirs);
    if (!timings.ok()) return timings.status();
    json["timings"] = *timings;
    invocation.out << json.dump() << "\n";
    return absl::OkStatus();
  }
  const auto text = ours.CompareToText(theirs);
  if (!text.ok()) return text.status();
  invocation.out << Heading(arguments) << "other: " << arguments.against << "\n\n" << *text;
  return absl::OkStatus();
}

absl::Status RunRounds(const KeyspaceArguments& arguments, Invocation& invocation) {
  TimingTable table;
  KeyspaceRoundOptions round = arguments.round;
  for (int i = 0; i < arguments.rounds; ++i, ++round.seed) {
    const auto timings = KeyspaceRound::Run(round);
    if (!timings.ok()) return timings.status();
    table.AddRound(*timings);
  }
  if (arguments.json) {
    nlohmann::ordered_json json = Describe(arguments);
    json["timings"] = table.ToJson();
    invocation.out << json.dump() << "\n";
  } else {
    invocation.out << Heading(arguments) << table.ToText();
  }
  return absl::OkStatus();
}

absl::Status RunHistogram(const KeyspaceArguments& arguments, Invocation& invocation) {
  LatencyRunOptions options;
  options.mix.memory_bytes = arguments.round.memory_bytes.value_or(options.mix.memory_bytes);
  options.mix.key_bytes = arguments.key_bytes;
  options.mix.eviction = arguments.round.eviction;
  options.mix.seed = arguments.round.seed;
  options.operations = arguments.operations.value_or(options.operations);
  options.rounds = arguments.given_rounds.value_or(options.rounds);
  options.uses_cpu_clock = arguments.clock == "cpu";
  if (options.operations == 0) return absl::InvalidArgumentError("--operations=0: nothing to time");
  const auto report = RunLatency(options);
  if (!report.ok()) return report.status();
  invocation.out << (arguments.json ? LatencyToJson(options, *report).dump() + "\n"
                                    : LatencyToText(options, *report));
  return absl::OkStatus();
}

absl::Status Run(KeyspaceArguments& arguments, Invocation& invocation) {
  arguments.rounds = arguments.given_rounds.value_or(arguments.rounds);
  if (arguments.histogram) return RunHistogram(arguments, invocation);
  KeyspaceRoundOptions& round = arguments.round;
  round.keys = arguments.keys.value_or(round.keys);
  round.operations = arguments.operations.value_or(round.operations);
  round.key_bytes = arguments.key_bytes;
  round.value_bytes = arguments.value_bytes;
  const absl::Status status = CheckOptions(round);
  if (!status.ok()) return status;
  if (arguments.against.empty()) return RunRounds(arguments, invocation);
  if (arguments.against.find('/') == std::string::npos) arguments.against.insert(0, "./");
  if (FindProgram(arguments.against).empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--against=", arguments.against, ": there is no such program"));
  }
  return RunAgainst(arguments, invocation);
}

absl::StatusOr<std::optional<uint64_t>> ParseMemory(std::string_view text) {
  if (text == "full") return std::nullopt;
  const absl::StatusOr<uint64_t> bytes = cli::ParseBytes(text);
  if (!bytes.ok()) return bytes.status();
  return *bytes;
}

// Options for the sizes of the keyspace and of the load.
void AddSizes(CLI::App& command, const std::shared_ptr<KeyspaceArguments>& arguments) {
  cli::AddCount(command, "--keys", arguments->keys, "How many keys there are; else 1M");
  cli::AddBytes(command, "--key_bytes", arguments->key_bytes, "Size of keys; else 16");
  cli::AddBytes(command, "--value_bytes", arguments->value_bytes, "Size of values; else 100");
  cli::AddCount(command, "--operations", arguments->operations,
                "Of each kind, a round; else 1M. With --histogram: in a round; else 100M");
  AddEviction(command, arguments->round.eviction);
  cli::AddParsed<std::optional<uint64_t>>(
      command, "--memory", "full|SIZE", &ParseMemory,
      [arguments](std::optional<uint64_t> bytes) { arguments->round.memory_bytes = bytes; },
      "Budget; full (else) is what the keys fill, with --histogram 512MiB");
  cli::AddWhole<uint64_t>(command, "--seed", arguments->round.seed, {0, UINT64_MAX},
                          "Of the random numbers; else 1");
}

// What is to be measured.
void AddModes(CLI::App& command, const std::shared_ptr<KeyspaceArguments>& arguments) {
  cli::AddWhole<int>(
      command, "--rounds", arguments->given_rounds, {1, kRoundsMax},
      "Of which the median counts; else 5. With --histogram: of the same operations, to "
      "see which are slow in each; else 1");
  CLI::Option* const against =
      cli::AddText(command, "--against", "PROGRAM", arguments->against,
                   "Another larder_bench; its rounds alternate with those of this one");
  CLI::Option* const histogram =
      command.add_flag("--histogram", arguments->histogram,
                       "Time each of many mixed operations at full budget, housekeeping too");
  histogram->excludes(against)
      ->excludes(command.get_option("--keys"))
      ->excludes(command.get_option("--value_bytes"));
  cli::AddChoice(command, "--clock", {"cpu", "wall"}, arguments->clock,
                 "Of --histogram; else cpu, which shows less of the machine's other work")
      ->needs(histogram);
}

}  // namespace

void AddKeyspaceCommand(CLI::App& app, Invocation& invocation) {
  auto arguments = std::make_shared<KeyspaceArguments>();
  CLI::App& command =
      *app.add_subcommand("keyspace", "Processor time of each operation, by 1 and 2 threads");
  AddSizes(command, arguments);
  AddModes(command, arguments);
  command.add_flag("--json", arguments->json, "Print JSON");
  command.footer(
      "Processor time of all threads (CLOCK_THREAD_CPUTIME_ID) over the number of operations.\n"
      "set_new is at full budget, so that each evicts. zipf has the exponent 0.99.\n"
      "--histogram: by 1 thread, values of 10 B to 4 KiB, four times as many keys as fit.\n"
      "Example: larder_bench keyspace --keys=4M --against=old/larder_bench\n"
      "         larder_bench keyspace --histogram --operations=10M --memory=1GiB");
  command.callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments] { return Run(*arguments, invocation); };
  });
}

}  // namespace larder::bench
