#include "tests/testing/history_load/program.h"

#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <ostream>
#include <string_view>

#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "client/flags/arguments.h"
#include "tests/testing/history/checker.h"
#include "tests/testing/history/history_reader.h"
#include "tests/testing/history/written_value.h"
#include "tests/testing/history_load/final_reads.h"
#include "tests/testing/history_load/load_run.h"

namespace larder::history {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitFindings = 1;
constexpr int kExitUsage = 2;
constexpr int kExitFailed = 3;

// One run of the program.
struct Invocation {
  int input;
  std::ostream& out;
  std::ostream& err;
  std::function<int()> command;  // what the command line chose

  // run
  LoadOptions load;
  std::string addresses;
  std::optional<absl::Duration> duration;
  std::optional<absl::Duration> deadline;
  std::optional<absl::Duration> max_staleness;
  // check
  std::vector<std::string> files;
  std::string final_addresses;
  std::optional<absl::Duration> final_staleness;
  std::optional<absl::Duration> clock_margin;
  std::optional<absl::Duration> unknown_lasts;
  bool evictions = false;
};

int Fail(Invocation& invocation, const absl::Status& status) {
  invocation.err << "larder_history: " << std::string(status.message()) << "\n";
  return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailed;
}

std::vector<std::string> Parts(const std::string& text) {
  return absl::StrSplit(text, ',', absl::SkipEmpty());
}

// Answers control lines until one says stop, or the time is over. The end of the input is none.
void Listen(Invocation& invocation, LoadRun& run) {
  const absl::Time end = absl::Now() + invocation.load.duration;
  std::string lines;
  bool has_input = true;
  for (absl::Duration left = end - absl::Now(); left > absl::ZeroDuration();
       left = end - absl::Now()) {
    pollfd input{has_input ? invocation.input : -1, POLLIN, 0};
    const int64_t timeout_ms = std::min<int64_t>(absl::ToInt64Milliseconds(left) + 1, 60'000);
    if (poll(&input, 1, static_cast<int>(timeout_ms)) <= 0) continue;
    char buffer[4096];
    const ssize_t bytes = read(invocation.input, buffer, sizeof buffer);
    if (bytes <= 0) {
      has_input = false;
      continue;
    }
    lines.append(buffer, static_cast<size_t>(bytes));
    for (size_t at = lines.find('\n'); at != std::string::npos; at = lines.find('\n')) {
      bool stop = false;
      invocation.out << run.Control(std::string_view(lines).substr(0, at), stop) << std::flush;
      lines.erase(0, at + 1);
      if (stop) return;
    }
  }
}

int Run(Invocation& invocation) {
  LoadOptions& options = invocation.load;
  options.addresses = Parts(invocation.addresses);
  if (options.addresses.empty()) {
    return Fail(invocation, absl::InvalidArgumentError("--addr names no address"));
  }
  if (uint64_t{options.first_client} + options.clients > kCounterClientMax + uint64_t{1}) {
    return Fail(invocation, absl::InvalidArgumentError(
                                "--first_client and --clients make more than 2048 clients"));
  }
  if (invocation.duration) options.duration = *invocation.duration;
  if (invocation.deadline) options.deadline = *invocation.deadline;
  if (invocation.max_staleness) options.max_staleness = *invocation.max_staleness;
  absl::StatusOr<std::unique_ptr<LoadRun>> run = LoadRun::Start(options);
  if (!run.ok()) return Fail(invocation, run.status());
  invocation.out << "running with seed " << options.seed << std::endl;
  Listen(invocation, **run);
  const absl::StatusOr<LoadRun::Result> result = (*run)->Stop();
  if (!result.ok()) return Fail(invocation, result.status());
  invocation.out << result->done << " operations, " << result->failed << " failed";
  if (result->failed > 0) invocation.out << ", such as: " << result->a_failure;
  invocation.out << "\n";
  return kExitOk;
}

int CheckFiles(Invocation& invocation) {
  HistoryReader reader;
  for (const std::string& file : invocation.files) {
    const absl::Status status = reader.AddFile(file);
    if (!status.ok()) return Fail(invocation, status);
  }
  FinalReadOptions reads;
  reads.addresses = Parts(invocation.final_addresses);
  reads.max_staleness = invocation.final_staleness;
  const absl::Status status = AddFinalReads(reads, std::vector(reader.keys()), reader);
  if (!status.ok()) return Fail(invocation, status);
  CheckOptions options;
  options.evictions_allowed = invocation.evictions;
  if (invocation.clock_margin) {
    options.clock_margin_ns = absl::ToInt64Nanoseconds(*invocation.clock_margin);
  }
  if (invocation.unknown_lasts) {
    options.unknown_lasts_ns = absl::ToInt64Nanoseconds(*invocation.unknown_lasts);
  }
  const History history = reader.Take();
  const Report report = Check(history, options);
  invocation.out << report.ToText();
  return report.findings_total == 0 ? kExitOk : kExitFindings;
}

void AddRun(CLI::App& app, Invocation& invocation) {
  CLI::App& run = *app.add_subcommand("run", "Works on nodes and records a history");
  LoadOptions& load = invocation.load;
  cli::AddText(run, "--addr", "ADDRESS,...", invocation.addresses,
               "Nodes; each operation goes to any")
      ->required();
  cli::AddText(run, "--file", "FILE", load.file, "The history; must not exist")->required();
  cli::AddWhole<uint64_t>(run, "--seed", load.seed, {0, UINT64_MAX}, "Of what is done (1)");
  cli::AddWhole<uint32_t>(run, "--clients", load.clients, {1, 2048}, "Threads (16)");
  cli::AddWhole<uint32_t>(run, "--first_client", load.first_client, {0, kCounterClientMax},
                          "Number of the first; no two recorders may share any (0)");
  cli::AddWhole<uint32_t>(run, "--connections", load.connections, {1, 1024}, "To each address (4)");
  cli::AddWhole<uint64_t>(run, "--keys", load.keys, {1, 100'000'000}, "How many (300)");
  cli::AddText(run, "--key_prefix", "TEXT", load.key_prefix, "What they begin with (history:)");
  cli::AddBytes(run, "--value_bytes", load.value_bytes, "Of a set, on average (100)");
  cli::AddReal(run, "--rate", load.rate, {0, 1e7}, "Operations a second in all; 0: no bound (0)");
  cli::AddDuration(run, "--duration", invocation.duration, "How long at most (10s)");
  cli::AddDuration(run, "--deadline", invocation.deadline, "Of a call (1s)");
  cli::AddWhole<uint32_t>(run, "--replicas", load.replicas, {0, 64},
                          "Sets wait for so many replicas; 0: none does (0)");
  cli::AddReal(run, "--replicas_share", load.replicas_share, {0, 1}, "Of the sets (0.5)");
  cli::AddDuration(run, "--max_staleness", invocation.max_staleness,
                   "Reads may be answered by replicas; absent: none is");
  cli::AddReal(run, "--stale_share", load.stale_share, {0, 1}, "Of the reads (0.5)");
  run.callback([&invocation] { invocation.command = [&invocation] { return Run(invocation); }; });
}

void AddCheck(CLI::App& app, Invocation& invocation) {
  CLI::App& check = *app.add_subcommand(
      "check", "Says whether what was recorded, and what the nodes hold now, can be true");
  cli::AddPositionals(check, "FILES", invocation.files, "Of one history")->required();
  cli::AddText(check, "--final", "ADDRESS,...", invocation.final_addresses,
               "Nodes that are read now and must agree");
  cli::AddDuration(check, "--final_staleness", invocation.final_staleness,
                   "max_staleness of these reads, so that replicas answer themselves");
  cli::AddDuration(check, "--clock_margin", invocation.clock_margin,
                   "How far an expiry and a staleness may be off (100ms)");
  cli::AddDuration(check, "--unknown_lasts", invocation.unknown_lasts,
                   "After that an operation of unknown outcome has had its effect, or never has "
                   "(no bound)");
  check.add_flag("--evictions", invocation.evictions, "Keys may be missing");
  check.callback(
      [&invocation] { invocation.command = [&invocation] { return CheckFiles(invocation); }; });
}

}  // namespace

int RunProgram(std::vector<std::string> arguments, int input, std::ostream& out,
               std::ostream& err) {
  absl::StatusOr<std::vector<std::string>> guarded = cli::GuardArguments(std::move(arguments));
  Invocation invocation{input, out, err};
  if (!guarded.ok()) return Fail(invocation, guarded.status());
  CLI::App app(
      "Records what many clients do to nodes, and checks whether it can be true.\n"
      "Exit codes: 0 nothing found, 1 findings, 2 wrong usage, 3 a node or file failed.",
      "larder_history");
  app.require_subcommand(1);
  AddRun(app, invocation);
  AddCheck(app, invocation);
  try {
    std::reverse(guarded->begin(), guarded->end());  // as CLI11 wants them
    app.parse(*std::move(guarded));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
      app.exit(error, out, out);  // --help
      return kExitOk;
    }
    err << "larder_history: " << error.what() << " (see larder_history --help)\n";
    return kExitUsage;
  }
  return invocation.command();
}

}  // namespace larder::history
