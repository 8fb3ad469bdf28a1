#include "tests/bench/latency_report.h"

#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/flags/units.h"

namespace larder::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::pair<const char*, double> kQuantiles[] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}};

std::string NameOf(MixedKind kind) {
  return std::string(kMixedKindNames[static_cast<size_t>(kind)]);
}

void AppendRow(const std::string& name, const Latencies& latencies, std::string& text) {
  const load::Histogram& histogram = latencies.histogram;
  absl::StrAppendFormat(&text, "%-10s %11d %9s", name, histogram.count(),
                        cli::FormatLatency(histogram.Mean()));
  for (const auto& [label, quantile] : kQuantiles) {
    absl::StrAppendFormat(&text, " %9s", cli::FormatLatency(histogram.Quantile(quantile)));
  }
  absl::StrAppendFormat(&text, " %9s %7d\n", cli::FormatLatency(histogram.max()),
                        latencies.over_1ms);
}

Json ToJson(const std::string& name, const Latencies& latencies) {
  const load::Histogram& histogram = latencies.histogram;
  Json json = {{"operation", name},
               {"count", histogram.count()},
               {"mean_nanos", absl::ToDoubleNanoseconds(histogram.Mean())}};
  for (const auto& [label, quantile] : kQuantiles) {
    json[absl::StrCat(label, "_nanos")] = absl::ToInt64Nanoseconds(histogram.Quantile(quantile));
  }
  json["max_nanos"] = absl::ToInt64Nanoseconds(histogram.max());
  json["over_1ms"] = latencies.over_1ms;
  return json;
}

// Whether others had the processor meanwhile, as far as that is known.
std::string Interruptions(const LatencyRunOptions& options, const SlowOperation& operation) {
  std::string text;
  if (options.uses_cpu_clock) {
    const int64_t waited = operation.wall_nanos - operation.nanos;
    text = absl::StrCat(", waited ", cli::FormatLatency(absl::Nanoseconds(waited)));
  }
  if (operation.preemptions < 0) return text;
  absl::StrAppend(&text, operation.preemptions > 0 ? ", preempted" : ", not preempted");
  if (operation.page_faults > 0) absl::StrAppend(&text, ", page faults");
  return text;
}

void AppendSlowest(std::string_view heading, const LatencyRunOptions& options,
                   const std::vector<SlowOperation>& slowest, std::string& text) {
  absl::StrAppend(&text, "\n", std::string(heading), "\n");
  for (const SlowOperation& slow : slowest) {
    absl::StrAppendFormat(&text, "%9s %-10s key %d, %d B, operation %d%s\n",
                          cli::FormatLatency(absl::Nanoseconds(slow.nanos)), NameOf(slow.kind),
                          slow.key_number, slow.value_bytes, slow.number,
                          Interruptions(options, slow));
  }
}

Json ToJson(const std::vector<SlowOperation>& slowest) {
  Json json = Json::array();
  for (const SlowOperation& slow : slowest) {
    json.push_back({{"operation", NameOf(slow.kind)},
                    {"number", slow.number},
                    {"key_number", slow.key_number},
                    {"value_bytes", slow.value_bytes},
                    {"nanos", slow.nanos},
                    {"wall_nanos", slow.wall_nanos},
                    {"preemptions", slow.preemptions < 0 ? Json() : Json(slow.preemptions)},
                    {"page_faults", slow.page_faults < 0 ? Json() : Json(slow.page_faults)}});
  }
  return json;
}

}  // namespace

std::string LatencyToText(const LatencyRunOptions& options, const LatencyReport& report) {
  std::string text = absl::StrFormat(
      "%d operations%s at a full budget of %s, eviction %s, by %s\n\n%-10s %11s %9s",
      options.operations,
      options.rounds == 1 ? "" : absl::StrCat(", done ", options.rounds, " times,"),
      cli::FormatBytes(options.mix.memory_bytes),
      std::string(storage::EvictionKindName(options.mix.eviction)),
      options.uses_cpu_clock ? "time on the processor (CLOCK_THREAD_CPUTIME_ID)"
                             : "wall time, in which neighbours show",
      "", "count", "mean");
  for (const auto& [label, quantile] : kQuantiles) absl::StrAppendFormat(&text, " %9s", label);
  absl::StrAppendFormat(&text, " %9s %7s\n", "max", "> 1 ms");
  for (size_t i = 0; i < report.by_kind.size(); ++i) {
    AppendRow(std::string(kMixedKindNames[i]), report.by_kind[i], text);
  }
  AppendRow("all", report.all, text);
  AppendRow("control", report.control, text);
  absl::StrAppendFormat(&text,
                        "\n%d evictions, %d expirations, %d times preempted; the clock itself adds "
                        "%s to each operation\n",
                        report.evictions, report.expirations, report.preemptions,
                        cli::FormatLatency(absl::Nanoseconds(report.clock_nanos)));
  if (options.rounds > 1) {
    const size_t count = report.slow_in_each_round.size();
    AppendSlowest(absl::StrCat(count, count == 1 ? " operation" : " operations",
                               " took over 1 ms in each round", count == 0 ? "" : ":"),
                  options, report.slow_in_each_round, text);
  }
  AppendSlowest("slowest requests:", options, report.slowest, text);
  AppendSlowest("slowest housekeeping:", options, report.slowest_housekeeping, text);
  return text;
}

Json LatencyToJson(const LatencyRunOptions& options, const LatencyReport& report) {
  Json operations = Json::array();
  for (size_t i = 0; i < report.by_kind.size(); ++i) {
    operations.push_back(ToJson(std::string(kMixedKindNames[i]), report.by_kind[i]));
  }
  operations.push_back(ToJson("all", report.all));
  return {{"clock", options.uses_cpu_clock ? "cpu" : "wall"},
          {"clock_nanos", report.clock_nanos},
          {"rounds", options.rounds},
          {"memory_bytes", options.mix.memory_bytes},
          {"evictions", report.evictions},
          {"expirations", report.expirations},
          {"preemptions", report.preemptions},
          {"operations", std::move(operations)},
          {"control", ToJson("control", report.control)},
          {"slow_in_each_round", ToJson(report.slow_in_each_round)},
          {"slowest", ToJson(report.slowest)},
          {"slowest_housekeeping", ToJson(report.slowest_housekeeping)}};
}

}  // namespace larder::bench
