#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/commands.h"
#include "client/cli/json.h"
#include "client/flags/arguments.h"
#include "client/flags/units.h"

namespace larder::cli {
namespace {

int RunPing(Session& session) {
  absl::StatusOr<std::unique_ptr<Client>> client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  // The first call also connects; the second one is the round trip.
  absl::StatusOr<PingResult> result = (*client)->Ping();
  if (result.ok()) result = (*client)->Ping();
  if (!result.ok()) return session.Fail(result.status());
  if (session.json) {
    session.out().Write(
        ToLine({{"address", (*client)->address()},
                {"serving", result->serving},
                {"round_trip_us", absl::ToDoubleMicroseconds(result->round_trip)}}));
  } else {
    session.out().Write(absl::StrCat((*client)->address(),
                                     result->serving ? " is serving" : " is not serving", ", ",
                                     FormatLatency(result->round_trip), "\n"));
  }
  return result->serving ? kExitOk : kExitError;
}

std::string StatsText(const StatsResult& stats) {
  std::string text;
  const auto line = [&text](const char* name, const std::string& value) {
    absl::StrAppendFormat(&text, "%-22s %s\n", name, value);
  };
  const auto count = [&line](const char* name, uint64_t value) { line(name, absl::StrCat(value)); };
  line("version", stats.version);
  line("uptime", absl::FormatDuration(absl::Trunc(stats.uptime, absl::Seconds(1))));
  count("entries", stats.entries);
  line("memory", absl::StrCat(FormatBytes(stats.memory_bytes), " of ",
                              FormatBytes(stats.memory_limit_bytes)));
  line("resident", FormatBytes(stats.resident_bytes));
  line("eviction", stats.eviction);
  count("hits", stats.hits);
  count("misses", stats.misses);
  if (const uint64_t reads = stats.hits + stats.misses; reads > 0) {
    line("hit ratio",
         absl::StrFormat("%.4f", static_cast<double>(stats.hits) / static_cast<double>(reads)));
  }
  count("evictions", stats.evictions);
  count("expirations", stats.expirations);
  count("leases granted", stats.leases_granted);
  count("leases granted early", stats.leases_granted_early);
  count("leases held", stats.leases_held);
  count("leases lost", stats.leases_lost);
  count("connections", stats.connections);
  text += "requests\n";
  for (const auto& [method, requests] : stats.requests) {
    absl::StrAppendFormat(&text, "  %-36s %d\n", method, requests);
  }
  return text;
}

int RunStats(Session& session) {
  absl::StatusOr<std::unique_ptr<Client>> client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  const absl::StatusOr<StatsResult> stats = (*client)->Stats();
  if (!stats.ok()) return session.Fail(stats.status());
  session.out().Write(session.json ? ToLine(ToJson(*stats)) : StatsText(*stats));
  return kExitOk;
}

struct FlushArguments {
  bool yes = false;
  std::optional<uint32_t> slot;
};

int RunFlush(Session& session, const FlushArguments& arguments) {
  if (!arguments.yes) {
    return session.FailUsage("flush: removes every entry; say --yes if that is what you want");
  }
  absl::StatusOr<std::unique_ptr<Client>> client = session.Connect(absl::Minutes(1));
  if (!client.ok()) return session.Fail(client.status());
  const absl::StatusOr<FlushResult> result = (*client)->Flush({.slot = arguments.slot});
  if (!result.ok()) return session.Fail(result.status());
  session.out().Write(session.json ? ToLine({{"entries", result->entries}})
                                   : absl::StrCat("removed ", result->entries, " entries\n"));
  return kExitOk;
}

}  // namespace

void AddNodeCommands(CLI::App& app, Session& session) {
  CLI::App& ping = *app.add_subcommand("ping", "Ask a node whether it is well");
  ping.footer("Example: larder ping --addr=cache-1:7600");
  ping.callback([&session] { session.command = [&session] { return RunPing(session); }; });

  CLI::App& stats = *app.add_subcommand("stats", "Print the figures of a node");
  stats.footer("Example: larder stats --json | jq .hits");
  stats.callback([&session] { session.command = [&session] { return RunStats(session); }; });

  auto arguments = std::make_shared<FlushArguments>();
  CLI::App& flush = *app.add_subcommand("flush", "Remove every entry of a node");
  flush.add_flag("--yes", arguments->yes, "Yes, remove them");
  AddWhole<uint32_t>(flush, "--slot", arguments->slot, {0, 16383},
                     "Only those of this slot, 0..16383");
  flush.footer("Example: larder flush --yes");
  flush.callback([&session, arguments] {
    session.command = [&session, arguments] { return RunFlush(session, *arguments); };
  });
}

}  // namespace larder::cli
