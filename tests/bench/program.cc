#include "tests/bench/program.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <sstream>
#include <string_view>

#include "client/flags/arguments.h"
#include "tests/bench/invocation.h"
#include "tests/bench/subcommands.h"

namespace larder::bench {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

using AddSubcommand = void (*)(CLI::App&, Invocation&);
constexpr AddSubcommand kSubcommands[] = {
    &AddHitRatioCommand,    &AddMemoryCommand,     &AddKeyspaceCommand,  &AddHotPathCommand,
    &AddClientCommand,      &AddIdleCommand,       &AddNeighbourCommand, &AddLogCommand,
    &AddReplicationCommand, &AddFloorServerCommand};

int FailUsage(std::ostream& err, std::string_view problem) {
  err << "larder_bench: " << problem << " (see larder_bench --help)\n";
  return kExitUsage;
}

// Parses; a code: there is nothing to run.
std::optional<int> Parse(CLI::App& app, std::vector<std::string> arguments,
                         Invocation& invocation) {
  try {
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    app.parse(std::move(arguments));
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
      app.exit(error, invocation.out, invocation.out);  // --help
      return kExitOk;
    }
    const std::vector<std::string> left = app.remaining(true);
    if (app.get_subcommands().empty() && !left.empty() && left[0].front() != '-') {
      return FailUsage(invocation.err, "there is no subcommand '" + left[0] + "'");
    }
    return FailUsage(invocation.err, error.what());
  }
}

}  // namespace

int RunProgram(std::vector<std::string> arguments, std::ostream& out, std::ostream& err) {
  absl::StatusOr<std::vector<std::string>> guarded = cli::GuardArguments(std::move(arguments));
  if (!guarded.ok()) return FailUsage(err, std::string(guarded.status().message()));
  Invocation invocation{out, err};
  CLI::App app(
      "Measures Larder: memory, processor time and hit ratio of its storage in this process;\n"
      "larderd beside other caches.",
      "larder_bench");
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  for (const AddSubcommand add : kSubcommands) add(app, invocation);
  if (const std::optional<int> code = Parse(app, *std::move(guarded), invocation)) return *code;
  const absl::Status status = invocation.run();
  out.flush();
  if (status.ok()) return kExitOk;
  const std::string problem(status.message());
  if (absl::IsInvalidArgument(status)) return FailUsage(err, problem);
  err << "larder_bench: " << problem << "\n";
  return kExitFailed;
}

}  // namespace larder::bench
