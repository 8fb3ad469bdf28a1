#include <CLI/App.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/flags/arguments.h"
#include "client/flags/units.h"
#include "tests/bench/churn.h"
#include "tests/bench/eviction_flag.h"
#include "tests/bench/memory_fill.h"
#include "tests/bench/peer_fill.h"
#include "tests/bench/subcommands.h"

namespace larder::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kMiB = 1 << 20;

struct MemoryArguments {
  std::optional<uint64_t> keys;
  uint64_t key_bytes = 16;
  uint64_t value_bytes = 100;
  std::optional<absl::Duration> ttl;
  storage::EvictionKind eviction = storage::EvictionKind::kS3Fifo;
  uint64_t memory_bytes = 0;  // 0: not given
  std::optional<uint64_t> operations;
  uint64_t seed = 1;
  bool churn = false;
  bool compare = false;
  bool json = false;
};

MemoryFillOptions FillOptionsOf(const MemoryArguments& arguments) {
  MemoryFillOptions options;
  options.keys = arguments.keys.value_or(options.keys);
  options.key_bytes = arguments.key_bytes;
  options.value_bytes = arguments.value_bytes;
  options.ttl = arguments.ttl;
  options.eviction = arguments.eviction;
  if (arguments.memory_bytes > 0) options.memory_bytes = arguments.memory_bytes;
  return options;
}

double PerEntry(uint64_t bytes, uint64_t entries) {
  return static_cast<double>(bytes) / static_cast<double>(entries);
}

Json ToJson(const MemoryFillOptions& options, const MemoryFillReport& report) {
  const double payload = static_cast<double>(options.key_bytes + options.value_bytes);
  const storage::MemoryUsage& usage = report.usage;
  Json counted = {{"total", usage.total()}, {"entries", usage.entries}, {"tables", usage.tables},
                  {"policy", usage.policy}, {"slack", usage.slack},     {"leases", usage.leases},
                  {"fixed", usage.fixed}};
  return {{"keys", options.keys},
          {"key_bytes", options.key_bytes},
          {"value_bytes", options.value_bytes},
          {"eviction", std::string(storage::EvictionKindName(options.eviction))},
          {"entries", report.entries},
          {"resident_bytes", report.resident_bytes},
          {"resident_bytes_per_entry", PerEntry(report.resident_bytes, report.entries)},
          {"overhead_bytes_per_entry", PerEntry(report.resident_bytes, report.entries) - payload},
          {"counted_bytes", std::move(counted)}};
}

std::string Row(const std::string& name, uint64_t bytes, uint64_t entries) {
  return absl::StrFormat("%-22s %10.1f %12.1f\n", name, static_cast<double>(bytes) / kMiB,
                         PerEntry(bytes, entries));
}

std::string ToText(const MemoryFillOptions& options, const MemoryFillReport& report) {
  const uint64_t payload = report.entries * (options.key_bytes + options.value_bytes);
  const storage::MemoryUsage& usage = report.usage;
  std::string text = absl::StrFormat(
      "%d entries, keys of %d B, values of %d B, ttl %s, eviction %s\n\n%-22s %10s %12s\n",
      report.entries, options.key_bytes, options.value_bytes,
      options.ttl.has_value() ? absl::FormatDuration(*options.ttl) : "none",
      std::string(storage::EvictionKindName(options.eviction)), "", "MiB", "B per entry");
  text += Row("resident", report.resident_bytes, report.entries);
  text += Row("  keys and values", payload, report.entries);
  text += absl::StrFormat(
      "%-22s %10s %12.1f\n", "  overhead", "",
      PerEntry(report.resident_bytes, report.entries) - PerEntry(payload, report.entries));
  text += Row("counted by Larder", usage.total(), report.entries);
  text += Row("  entries", usage.entries, report.entries);
  text += Row("  tables", usage.tables, report.entries);
  text += Row("  policy", usage.policy, report.entries);
  text += Row("  slack", usage.slack, report.entries);
  text += Row("  leases", usage.leases, report.entries);
  text += Row("  fixed", usage.fixed, report.entries);
  if (report.entries < options.keys) {
    text += absl::StrFormat("\nATTENTION: only %d of %d keys are left; --memory is too small\n",
                            report.entries, options.keys);
  }
  return text;
}

Json ToJson(const MemoryFillOptions& options, const std::vector<PeerReport>& peers) {
  Json json = Json::array();
  for (const PeerReport& peer : peers) {
    Json& line = json.emplace_back(Json{{"name", peer.name}, {"installed", peer.is_installed}});
    if (!peer.is_installed) continue;
    const double per_entry = PerEntry(peer.resident_bytes, peer.entries);
    line["version"] = peer.version;
    line["entries"] = peer.entries;
    line["resident_bytes"] = peer.resident_bytes;
    line["resident_bytes_per_entry"] = per_entry;
    line["overhead_bytes_per_entry"] =
        per_entry - static_cast<double>(options.key_bytes + options.value_bytes);
  }
  return json;
}

std::string ToText(const MemoryFillOptions& options, const MemoryFillReport& larder,
                   const std::vector<PeerReport>& peers) {
  std::vector<PeerReport> rows = {{"Larder", true, "", larder.entries, larder.resident_bytes}};
  rows.insert(rows.end(), peers.begin(), peers.end());
  std::string text =
      absl::StrFormat("\n%-22s %10s %12s %10s\n", "resident", "MiB", "B per entry", "overhead");
  for (const PeerReport& row : rows) {
    if (!row.is_installed) {
      absl::StrAppend(&text, "ATTENTION: ", row.name, " is NOT INSTALLED, nothing to compare\n");
      continue;
    }
    const double per_entry = PerEntry(row.resident_bytes, row.entries);
    absl::StrAppendFormat(&text, "%-22s %10.1f %12.1f %10.1f\n",
                          absl::StrCat(row.name, " ", row.version),
                          static_cast<double>(row.resident_bytes) / kMiB, per_entry,
                          per_entry - static_cast<double>(options.key_bytes + options.value_bytes));
    if (row.entries < options.keys) {
      absl::StrAppendFormat(&text, "ATTENTION: it holds only %d of %d keys\n", row.entries,
                            options.keys);
    }
  }
  return text;
}

absl::Status RunFill(const MemoryArguments& arguments, Invocation& invocation) {
  const MemoryFillOptions options = FillOptionsOf(arguments);
  const absl::Status valid = arguments.compare ? CheckPeerOptions(options) : absl::OkStatus();
  if (!valid.ok()) return valid;
  const auto report = FillKeyspace(options);
  if (!report.ok()) return report.status();
  if (report->entries == 0) return absl::InternalError("no entry is left after the fill");
  absl::StatusOr<std::vector<PeerReport>> peers = std::vector<PeerReport>();
  if (arguments.compare) peers = FillPeers(options);
  if (!peers.ok()) return peers.status();
  if (arguments.json) {
    Json json = ToJson(options, *report);
    if (arguments.compare) json["peers"] = ToJson(options, *peers);
    invocation.out << json.dump() << "\n";
  } else {
    invocation.out << ToText(options, *report);
    if (arguments.compare) invocation.out << ToText(options, *report, *peers);
  }
  return absl::OkStatus();
}

std::string ToText(const std::vector<ChurnState>& states) {
  std::string text =
      absl::StrFormat("%-28s %9s %9s %9s %9s %9s %9s %7s %7s\n", "MiB after", "budget", "resident",
                      "at most", "counted", "held", "entries", "rss/bud", "waste");
  for (const ChurnState& state : states) {
    const double resident = static_cast<double>(state.resident_bytes);
    const double counted = static_cast<double>(state.counted_bytes);
    absl::StrAppendFormat(&text, "%-28s %9.1f %9.1f %9.1f %9.1f %9.1f %9d %6.1f%% %6.1f%%\n",
                          state.phase, static_cast<double>(state.budget_bytes) / kMiB,
                          resident / kMiB, static_cast<double>(state.resident_bytes_max) / kMiB,
                          counted / kMiB, static_cast<double>(state.held_bytes) / kMiB,
                          state.entries, 100 * resident / static_cast<double>(state.budget_bytes),
                          100 * (1 - static_cast<double>(state.held_bytes) / counted));
  }
  return text +
         "\nresident, at most: growth of the process, at the end of the phase and during it.\n"
         "held: keys and values. waste: the share of `counted` that is neither.\n";
}

Json ToJson(const std::vector<ChurnState>& states) {
  Json phases = Json::array();
  for (const ChurnState& state : states) {
    phases.push_back({{"phase", state.phase},
                      {"budget_bytes", state.budget_bytes},
                      {"resident_bytes", state.resident_bytes},
                      {"resident_bytes_max", state.resident_bytes_max},
                      {"counted_bytes", state.counted_bytes},
                      {"held_bytes", state.held_bytes},
                      {"entries", state.entries}});
  }
  return {{"phases", std::move(phases)}};
}

absl::Status RunChurn(const MemoryArguments& arguments, Invocation& invocation) {
  ChurnOptions options;
  if (arguments.memory_bytes > 0) options.memory_bytes = arguments.memory_bytes;
  options.operations = arguments.operations.value_or(options.operations);
  options.key_bytes = arguments.key_bytes;
  options.eviction = arguments.eviction;
  options.seed = arguments.seed;
  const auto states = Churn::Run(options);
  if (!states.ok()) return states.status();
  invocation.out << (arguments.json ? ToJson(*states).dump() + "\n" : ToText(*states));
  return absl::OkStatus();
}

}  // namespace

void AddMemoryCommand(CLI::App& app, Invocation& invocation) {
  auto arguments = std::make_shared<MemoryArguments>();
  CLI::App& command = *app.add_subcommand("memory", "Resident memory per entry");
  CLI::Option* const keys =
      cli::AddCount(command, "--keys", arguments->keys, "How many keys to set; else 1M");
  cli::AddBytes(command, "--key_bytes", arguments->key_bytes, "Size of keys; else 16");
  CLI::Option* const value_bytes =
      cli::AddBytes(command, "--value_bytes", arguments->value_bytes, "Size of values; else 100");
  CLI::Option* const ttl =
      cli::AddDuration(command, "--ttl", arguments->ttl, "Of every entry; else none");
  AddEviction(command, arguments->eviction);
  cli::AddBytes(command, "--memory", arguments->memory_bytes,
                "Budget; else enough for all, with --churn 512MiB");
  CLI::Option* const churn =
      command.add_flag("--churn", arguments->churn,
                       "Values of changing sizes at a full budget, which is halved and\n"
                       "restored; then small values, after which large ones come");
  command
      .add_flag("--compare", arguments->compare,
                "Fill redis-server and memcached, where installed, with the same")
      ->excludes(churn);
  churn->excludes(keys)->excludes(value_bytes)->excludes(ttl);
  cli::AddCount(command, "--operations", arguments->operations,
                "With --churn: at full budget; else 2M")
      ->needs(churn);
  cli::AddWhole<uint64_t>(command, "--seed", arguments->seed, {0, UINT64_MAX},
                          "With --churn: of the random numbers; else 1")
      ->needs(churn);
  command.add_flag("--json", arguments->json, "Print JSON");
  command.footer(
      "Resident is by how much the process grew from before the keyspace was made.\n"
      "Example: larder_bench memory --keys=1M --value_bytes=100 --ttl=1h\n"
      "         larder_bench memory --churn --memory=1GiB --operations=10M");
  command.callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments] {
      return arguments->churn ? RunChurn(*arguments, invocation) : RunFill(*arguments, invocation);
    };
  });
}

}  // namespace larder::bench
