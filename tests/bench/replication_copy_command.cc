#include "tests/bench/replication_copy_command.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/flags/arguments.h"
#include "tests/bench/child_process.h"
#include "tests/bench/copy_round.h"
#include "tests/bench/find_larderd.h"
#include "tests/bench/hot_path/measured_server.h"
#include "tests/bench/median.h"
#include "tests/bench/median_and_spread.h"

namespace larder::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kEntriesMax = 100'000'000;
constexpr uint64_t kReaderRateMax = 1'000'000;
constexpr uint64_t kLogBytesMin = uint64_t{1} << 20;
constexpr uint64_t kLogBytesMax = uint64_t{1} << 40;
constexpr uint64_t kLogPieceBytes = uint64_t{64} << 10;
constexpr absl::Duration kCopyWait = absl::Minutes(2);
constexpr absl::Duration kCopyWaitMin = absl::Milliseconds(1);
constexpr absl::Duration kCopyWaitMax = absl::Hours(1);
// What the primary may grow by, beyond the ring: a share of what it has.
constexpr double kGrowthShare = 0.05;
constexpr double kMebibyte = 1 << 20;

// A line of the table.
struct Case {
  std::string server;
  std::string larderd;  // the program; empty: redis-server
  bool has_load = false;
  std::vector<CopyRound> rounds = {};

  uint64_t unended() const {
    return static_cast<uint64_t>(
        std::ranges::count_if(rounds, [](const CopyRound& r) { return !r.seconds.has_value(); }));
  }
  // One number of each round that has it.
  template <typename Get>
  std::vector<double> Each(Get get) const {
    std::vector<double> values;
    for (const CopyRound& round : rounds) {
      const std::optional<double> value = get(round);
      if (value.has_value()) values.push_back(*value);
    }
    return values;
  }
  std::vector<double> Seconds() const {
    return Each([](const CopyRound& round) { return round.seconds; });
  }
  std::vector<double> GrowthBytes() const {
    return Each([](const CopyRound& round) { return std::optional<double>(round.growth_bytes); });
  }
  std::vector<double> ResidentBytes() const {
    return Each([](const CopyRound& round) { return std::optional<double>(round.resident_bytes); });
  }
  // Of the load before the copy, during it, or after it.
  std::vector<double> Loads(std::optional<CopyLoadResult> CopyRound::* when,
                            double CopyLoadResult::* what) const {
    return Each([&](const CopyRound& round) {
      return (round.*when).has_value() ? std::optional<double>((*(round.*when)).*what)
                                       : std::nullopt;
    });
  }
  std::vector<double> GetP99(std::optional<CopyLoadResult> CopyRound::* when) const {
    return Loads(when, &CopyLoadResult::get_p99_micros);
  }
  std::vector<double> SetRates(std::optional<CopyLoadResult> CopyRound::* when) const {
    return Loads(when, &CopyLoadResult::sets_per_second);
  }
};

absl::Status CheckCopyArguments(const CopyArguments& arguments) {
  const uint64_t log_bytes = arguments.log_bytes;
  if (log_bytes < kLogBytesMin || log_bytes > kLogBytesMax || log_bytes % kLogPieceBytes != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--log_bytes=", log_bytes, ": must be from 1MiB to 1TiB and a multiple of 64KiB"));
  }
  const absl::Duration wait = arguments.copy_wait.value_or(kCopyWait);
  if (wait >= kCopyWaitMin && wait <= kCopyWaitMax) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--copy_wait=", absl::FormatDuration(wait), ": must be from 1ms to 1h"));
}

std::string Ratio(const std::vector<double>& above, const std::vector<double>& below) {
  if (above.empty() || below.empty() || Median(below) == 0) return "-";
  return absl::StrFormat("%.2f", Median(above) / Median(below));
}

std::string InMebibytes(std::vector<double> bytes) {
  for (double& one : bytes) one /= kMebibyte;
  return MedianAndSpread(bytes, 1);
}

std::string SetRates(const Case& measured) {
  const auto before = measured.SetRates(&CopyRound::before);
  const auto during = measured.SetRates(&CopyRound::during);
  if (before.empty()) return "-";
  std::string text = absl::StrFormat("%.0f, %.0f", Median(before), Median(during));
  const auto after = measured.SetRates(&CopyRound::after);
  if (!after.empty()) absl::StrAppendFormat(&text, ", %.0f", Median(after));
  return text;
}

// What the reader must know of a line beside its numbers.
std::string Attention(const Case& measured, absl::Duration wait) {
  std::string text;
  if (const uint64_t unended = measured.unended(); unended > 0) {
    absl::StrAppend(&text, "ATTENTION: ", measured.server, measured.has_load ? " with" : " without",
                    " writers did not end within ", absl::FormatDuration(wait), " in ", unended,
                    " of ", measured.rounds.size(), " rounds\n");
  }
  uint64_t failed = 0;
  std::string first_failure;
  for (const CopyRound& round : measured.rounds) {
    for (const auto* load : {&round.before, &round.during, &round.after}) {
      if (!load->has_value() || (*load)->failed_sets == 0) continue;
      if (failed == 0) first_failure = (*load)->first_failure;
      failed += (*load)->failed_sets;
    }
  }
  if (failed > 0) {
    absl::StrAppend(&text, "ATTENTION: ", measured.server, " refused ", failed,
                    " Sets, the first: ", first_failure, "\n");
  }
  return text;
}

std::string Summary(const Case& quiet, const Case& loaded, uint64_t log_bytes) {
  std::string text =
      absl::StrCat(quiet.server, ": copy with / without writers ",
                   Ratio(loaded.Seconds(), quiet.Seconds()), "; Get p99 during / before the copy ",
                   Ratio(loaded.GetP99(&CopyRound::during), loaded.GetP99(&CopyRound::before)),
                   ", during / after it ",
                   Ratio(loaded.GetP99(&CopyRound::during), loaded.GetP99(&CopyRound::after)));
  if (quiet.larderd.empty()) return text + "\n";  // its ring is another
  for (const Case* const each : {&quiet, &loaded}) {
    const double beyond = kGrowthShare * Median(each->ResidentBytes());
    absl::StrAppendFormat(
        &text, "; primary grew %s writers by %.1f MiB, ring + 5 %% are %.1f (%.1f + %.1f)",
        each->has_load ? "with" : "without", Median(each->GrowthBytes()) / kMebibyte,
        (static_cast<double>(log_bytes) + beyond) / kMebibyte,
        static_cast<double>(log_bytes) / kMebibyte, beyond / kMebibyte);
  }
  return text + "\n";
}

std::string ToText(const std::vector<Case>& cases, const CopyArguments& arguments) {
  std::string text = absl::StrFormat("%-8s %-8s %-18s %-22s %-20s %-20s %-20s %s\n", "server",
                                     "writers", "copy s", "primary grew MiB", "Get p99 us before",
                                     "during the copy", "after it", "Sets/s before, during, after");
  for (const Case& each : cases) {
    absl::StrAppendFormat(
        &text, "%-8s %-8s %-18s %-22s %-20s %-20s %-20s %s\n", each.server,
        each.has_load ? absl::StrCat(kCopyWriters.connections, " x ", kCopyWriters.in_flight)
                      : "none",
        MedianAndSpread(each.Seconds(), 2), InMebibytes(each.GrowthBytes()),
        MedianAndSpread(each.GetP99(&CopyRound::before), 0),
        MedianAndSpread(each.GetP99(&CopyRound::during), 0),
        MedianAndSpread(each.GetP99(&CopyRound::after), 0), SetRates(each));
  }
  text += "\n";
  // Of each server a line without and one with writers.
  for (size_t i = 0; i + 1 < cases.size(); i += 2) {
    text += Summary(cases[i], cases[i + 1], arguments.log_bytes);
  }
  for (const Case& each : cases) {
    text += Attention(each, arguments.copy_wait.value_or(kCopyWait));
  }
  if (cases.size() <= 2) {
    return text + "ATTENTION: redis-server is NOT INSTALLED, nothing to compare\n";
  }
  return text + absl::StrFormat("larderd / redis: copy without writers %s, with %s\n",
                                Ratio(cases[0].Seconds(), cases[2].Seconds()),
                                Ratio(cases[1].Seconds(), cases[3].Seconds()));
}

Json ToJson(const std::optional<CopyLoadResult>& load) {
  if (!load.has_value()) return nullptr;
  return {{"gets", load->gets},
          {"get_p99_micros", load->get_p99_micros},
          {"get_max_micros", load->get_max_micros},
          {"sets_per_second", load->sets_per_second},
          {"failed_sets", load->failed_sets},
          {"first_failure", load->first_failure}};
}

Json ToJson(const std::vector<Case>& cases) {
  Json rows = Json::array();
  for (const Case& each : cases) {
    Json rounds = Json::array();
    for (const CopyRound& round : each.rounds) {
      rounds.push_back({{"seconds", round.seconds.has_value() ? Json(*round.seconds) : Json()},
                        {"resident_bytes", round.resident_bytes},
                        {"growth_bytes", round.growth_bytes},
                        {"before", ToJson(round.before)},
                        {"during", ToJson(round.during)},
                        {"after", ToJson(round.after)}});
    }
    rows.push_back(
        {{"server", each.server}, {"has_writers", each.has_load}, {"rounds", std::move(rounds)}});
  }
  return rows;
}

absl::Status Measure(const CopyArguments& arguments, const CopyRun& run, int round,
                     Case& measured) {
  CopyRoundOptions options;
  options.larderd = measured.larderd;
  options.workload.operation = WorkloadOperation::kSet;
  options.workload.keys_wanted = arguments.entries;
  options.log_bytes = arguments.log_bytes;
  options.copy_bytes_per_second = arguments.copy_bytes_per_second;
  options.wait = arguments.copy_wait.value_or(kCopyWait);
  options.seed = static_cast<uint64_t>(round) * 1000 + 1;
  if (measured.has_load) {
    options.load = {arguments.reader_rate, arguments.idle_writers, absl::Seconds(run.seconds)};
  }
  auto result = MeasureCopy(options);
  if (!result.ok()) {
    return absl::Status(result.status().code(),
                        absl::StrCat(measured.server, ": ", result.status().message()));
  }
  measured.rounds.push_back(*std::move(result));
  return absl::OkStatus();
}

}  // namespace

void AddCopyFlags(CLI::App& command, CopyArguments& arguments) {
  cli::AddWhole<uint64_t>(command, "--entries", arguments.entries, {1, kEntriesMax},
                          "copy: of 16 B keys and 100 B values; else 2000000");
  cli::AddBytes(command, "--log_bytes", arguments.log_bytes,
                "copy: larderd's flag, 1MiB to 1TiB; else 64MiB");
  cli::AddWhole<uint64_t>(command, "--reader_rate", arguments.reader_rate, {1, kReaderRateMax},
                          "copy: Gets per second; else 1000");
  command.add_flag("--idle_writers", arguments.idle_writers,
                   "copy: the writers' thread is SCHED_IDLE, as they stand for other machines");
  cli::AddBytes(command, "--copy_bytes_per_second", arguments.copy_bytes_per_second,
                "copy: larderd's flag, 0 to 1TiB; else 128MiB");
  cli::AddDuration(command, "--copy_wait", arguments.copy_wait,
                   "copy: how long one may take, 1ms to 1h; else 2m");
}

absl::Status RunCopy(const CopyArguments& arguments, const CopyRun& run, Invocation& invocation) {
  if (const absl::Status status = CheckCopyArguments(arguments); !status.ok()) return status;
  const auto larderd = FindLarderd(run.larderd);
  if (!larderd.ok()) return larderd.status();
  std::vector<Case> cases = {{"larderd", *larderd, false}, {"larderd", *larderd, true}};
  if (!FindProgram(MakeRedisServer()->program()).empty()) {
    cases.push_back({"redis", "", false});
    cases.push_back({"redis", "", true});
  }
  for (int round = 0; round < run.rounds; ++round) {
    for (Case& each : cases) {
      const absl::Status status = Measure(arguments, run, round, each);
      if (!status.ok()) return status;
    }
  }
  if (run.json) {
    invocation.out << Json{{"entries", arguments.entries},
                           {"rounds", run.rounds},
                           {"log_bytes", arguments.log_bytes},
                           {"reader_rate", arguments.reader_rate},
                           {"idle_writers", arguments.idle_writers},
                           {"rows", ToJson(cases)}}
                          .dump()
                   << "\n";
    return absl::OkStatus();
  }
  invocation.out << "Full copy of " << arguments.entries
                 << " entries of 16 B keys and 100 B values to a new replica, median (least-most) "
                    "of "
                 << run.rounds << " rounds; writers" << (arguments.idle_writers ? " (idle)" : "")
                 << ": as fast as they are answered, reader: " << arguments.reader_rate
                 << " Gets/s, " << run.seconds << " s before the copy, during it and "
                 << run.seconds << " s after it\n\n"
                 << ToText(cases, arguments);
  return absl::OkStatus();
}

}  // namespace larder::bench
