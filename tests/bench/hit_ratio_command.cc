#include <CLI/App.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/flags/arguments.h"
#include "client/flags/units.h"
#include "tests/bench/cache_simulation.h"
#include "tests/bench/subcommands.h"

namespace larder::bench {
namespace {

using Json = nlohmann::ordered_json;
using storage::EvictionKind;

struct HitRatioArguments {
  CacheSimulationOptions simulation;
  std::vector<EvictionKind> policies = {EvictionKind::kS3Fifo};
  std::string capacity;
  std::string file;
  bool json = false;
};

struct HitRatio {
  std::string policy;
  uint64_t requests = 0;
  uint64_t misses = 0;
  double miss_ratio() const { return static_cast<double>(misses) / static_cast<double>(requests); }
};

// Those that have a name, but none: a policy that is added there is measured here.
std::vector<EvictionKind> AllPolicies() {
  std::vector<EvictionKind> kinds;
  for (int i = 0; i < 256; ++i) {
    const EvictionKind kind = static_cast<EvictionKind>(i);
    const auto named = storage::ParseEvictionKind(storage::EvictionKindName(kind));
    if (named.ok() && *named == kind && kind != EvictionKind::kNone) kinds.push_back(kind);
  }
  return kinds;
}

absl::StatusOr<std::vector<EvictionKind>> ParsePolicies(std::string_view text) {
  if (text == "all") return AllPolicies();
  const auto kind = storage::ParseEvictionKind(text);
  if (!kind.ok()) return kind.status();
  return std::vector<EvictionKind>{*kind};
}

Json ToJson(const HitRatio& result) {
  return {{"policy", result.policy},
          {"requests", result.requests},
          {"misses", result.misses},
          {"miss_ratio", result.miss_ratio()}};
}

std::string ToText(const std::vector<HitRatio>& results) {
  if (results.size() == 1) {
    return absl::StrFormat("requests %d\nmisses %d\nmiss_ratio %.5f\n", results[0].requests,
                           results[0].misses, results[0].miss_ratio());
  }
  std::string text =
      absl::StrFormat("%-14s %10s %10s %10s\n", "policy", "requests", "misses", "miss_ratio");
  for (const HitRatio& result : results) {
    absl::StrAppendFormat(&text, "%-14s %10d %10d %10.5f\n", result.policy, result.requests,
                          result.misses, result.miss_ratio());
  }
  return text;
}

absl::Status Run(HitRatioArguments& arguments, Invocation& invocation) {
  const auto capacity = arguments.simulation.counts_bytes ? cli::ParseBytes(arguments.capacity)
                                                          : cli::ParseCount(arguments.capacity);
  if (!capacity.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--capacity: ", capacity.status().message()));
  }
  arguments.simulation.capacity = *capacity;
  const auto trace = ReadAccessTrace(arguments.file);
  if (!trace.ok()) return trace.status();
  std::vector<HitRatio> results;
  for (const EvictionKind policy : arguments.policies) {
    arguments.simulation.eviction = policy;
    const auto misses = CacheSimulation::CountMisses(arguments.simulation, *trace);
    if (!misses.ok()) return misses.status();
    results.push_back(
        {std::string(storage::EvictionKindName(policy)), trace->accesses.size(), *misses});
  }
  if (!arguments.json) {
    invocation.out << ToText(results);
  } else if (results.size() == 1) {
    invocation.out << ToJson(results[0]).dump() << "\n";
  } else {
    Json json = Json::array();
    for (const HitRatio& result : results) json.push_back(ToJson(result));
    invocation.out << json.dump() << "\n";
  }
  return absl::OkStatus();
}

}  // namespace

void AddHitRatioCommand(CLI::App& app, Invocation& invocation) {
  auto arguments = std::make_shared<HitRatioArguments>();
  CacheSimulationOptions& simulation = arguments->simulation;
  CLI::App& command = *app.add_subcommand("hit_ratio", "Misses of an eviction policy on a trace");
  cli::AddPositional(
      command, "FILE", arguments->file,
      "One request a line, KEY or KEY,BYTES; may be packed by xz, or a pipe; - is stdin")
      ->required();
  cli::AddText(command, "--capacity", "COUNT|SIZE", arguments->capacity,
               "Entries, or with --bytes a size")
      ->required();
  cli::AddParsed<std::vector<EvictionKind>>(
      command, "--policy", "POLICY|all", &ParsePolicies,
      [arguments](std::vector<EvictionKind> kinds) { arguments->policies = std::move(kinds); },
      "Eviction policy; else s3fifo");
  command.add_flag("--bytes", simulation.counts_bytes,
                   "The capacity is one of bytes, objects have the sizes of the trace");
  cli::AddWhole<uint32_t>(command, "--stripes", simulation.stripes, {1, storage::kSlots},
                          "Power of two; else 1");
  cli::AddWhole<uint64_t>(command, "--seed", simulation.seed, {0, UINT64_MAX},
                          "Of the random numbers; else 1");
  command.add_flag("--json", arguments->json, "Print JSON");
  command.footer(
      "Each request is a read, and a write if it misses; a millisecond passes with each.\n"
      "Example: larder_bench hit_ratio --policy=all --capacity=1375 web12.csv.xz");
  command.callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments] { return Run(*arguments, invocation); };
  });
}

}  // namespace larder::bench
