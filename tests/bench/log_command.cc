#include <CLI/App.hpp>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/flags/arguments.h"
#include "tests/bench/log_round.h"
#include "tests/bench/median.h"
#include "tests/bench/subcommands.h"
#include "tests/bench/timing_table.h"

namespace larder::bench {
namespace {

constexpr int kRoundsMax = 1000;
constexpr int kThreadsMax = 64;
constexpr uint64_t kValueBytesMax = uint64_t{1} << 20;

struct LogArguments {
  LogRoundOptions round;
  std::optional<uint64_t> keys;
  std::optional<uint64_t> operations;
  uint64_t value_bytes = 100;
  std::string only = "all";
  int rounds = 5;
  bool json = false;
};

nlohmann::ordered_json ToJson(const std::map<int, std::vector<double>>& handovers) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const auto& [threads, rounds] : handovers) {
    json.push_back({{"threads", threads}, {"per_append", Median(rounds)}});
  }
  return json;
}

std::string ToText(const std::map<int, std::vector<double>>& handovers) {
  if (handovers.empty()) return "";
  std::string text =
      "\nAppends before which another thread has appended, so that the one line which all write\n"
      "comes from its core, if it has one\n\n";
  for (const auto& [threads, rounds] : handovers) {
    absl::StrAppendFormat(&text, "%-14s %-10s %8d %8.4f\n", "handovers", "uniform", threads,
                          Median(rounds));
  }
  return text;
}

absl::Status Run(LogArguments& arguments, Invocation& invocation) {
  LogRoundOptions& round = arguments.round;
  round.keys = arguments.keys.value_or(round.keys);
  round.operations = arguments.operations.value_or(round.operations);
  round.value_bytes = arguments.value_bytes;
  if (arguments.only != "all") round.only = arguments.only;
  if (round.keys == 0) return absl::InvalidArgumentError("--keys=0: nothing to set");
  if (round.operations == 0) return absl::InvalidArgumentError("--operations=0: nothing to time");
  if (round.value_bytes > kValueBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("--value_bytes=", round.value_bytes, "; the limit is ", kValueBytesMax));
  }
  TimingTable table;
  std::map<int, std::vector<double>> handovers;  // by threads
  for (int i = 0; i < arguments.rounds; ++i) {
    const auto figures = LogRound::Run(round);
    if (!figures.ok()) return figures.status();
    table.AddRound(figures->timings);
    for (const Handovers& one : figures->handovers) {
      handovers[one.threads].push_back(one.per_append);
    }
  }
  if (arguments.json) {
    nlohmann::ordered_json json = {{"keys", round.keys},
                                   {"value_bytes", round.value_bytes},
                                   {"operations", round.operations},
                                   {"rounds", arguments.rounds},
                                   {"timings", table.ToJson()},
                                   {"handovers", ToJson(handovers)}};
    invocation.out << json.dump() << "\n";
  } else {
    invocation.out << "Processor time per operation, median of " << arguments.rounds
                   << " rounds: " << round.keys << " keys of 16 B, values of " << round.value_bytes
                   << " B\n\n"
                   << table.ToText() << ToText(handovers);
  }
  return absl::OkStatus();
}

}  // namespace

void AddLogCommand(CLI::App& app, Invocation& invocation) {
  auto arguments = std::make_shared<LogArguments>();
  CLI::App& command = *app.add_subcommand(
      "log",
      "Processor time of appending to the log, and of Sets with it and without; how often the "
      "line that all appends write changes hands");
  cli::AddCount(command, "--keys", arguments->keys, "How many keys there are; else 200K");
  cli::AddBytes(command, "--value_bytes", arguments->value_bytes, "Size of values; else 100");
  cli::AddCount(command, "--operations", arguments->operations,
                "Of each kind, by all threads; else 1M");
  cli::AddChoice(command, "--only", {"all", "append", "set", "set_logged", "handovers"},
                 arguments->only, "One kind, as for callgrind; else all");
  cli::AddWhole<int>(command, "--threads", arguments->round.threads, {1, kThreadsMax},
                     "How many; else 1, 2, 4 and 8");
  cli::AddWhole<int>(command, "--rounds", arguments->rounds, {1, kRoundsMax},
                     "Of which the median counts; else 5");
  command.add_flag("--json", arguments->json, "Print JSON");
  command.footer(
      "Instructions of an operation: the difference of two runs under callgrind, by the "
      "difference\n"
      "of their --operations:\n"
      "Example: larder_bench log --threads=2 --value_bytes=1KiB\n"
      "         valgrind --tool=callgrind --callgrind-out-file=/dev/null larder_bench log "
      "--only=append\n"
      "             --threads=1 --rounds=1 --keys=1000 --operations=200K");
  command.callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments] { return Run(*arguments, invocation); };
  });
}

}  // namespace larder::bench
