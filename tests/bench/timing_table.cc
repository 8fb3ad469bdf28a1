#include "tests/bench/timing_table.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/bench/median.h"

namespace larder::bench {
namespace {

using Json = nlohmann::ordered_json;

bool SameLine(const Timing& a, const Timing& b) {
  return a.operation == b.operation && a.distribution == b.distribution && a.threads == b.threads;
}

Json LineToJson(const Timing& timing) {
  return {{"operation", timing.operation},
          {"distribution", timing.distribution},
          {"threads", timing.threads}};
}

std::string LineToText(const Timing& timing) {
  return absl::StrFormat("%-14s %-10s %8d", timing.operation, timing.distribution, timing.threads);
}

}  // namespace

double TimingTable::Line::median() const { return Median(nanos); }

void TimingTable::AddRound(const std::vector<Timing>& timings) {
  for (const Timing& timing : timings) {
    Line* found = nullptr;
    for (Line& line : lines_) {
      if (SameLine(line.timing, timing)) found = &line;
    }
    if (found == nullptr) found = &lines_.emplace_back(Line{timing, {}});
    found->nanos.push_back(timing.cpu_nanos);
  }
}

Json TimingTable::ToJson() const {
  Json timings = Json::array();
  for (const Line& line : lines_) {
    Json json = LineToJson(line.timing);
    json["cpu_nanos"] = line.median();
    timings.push_back(std::move(json));
  }
  return timings;
}

std::string TimingTable::ToText() const {
  std::string text = absl::StrFormat("%-14s %-10s %8s %8s\n", "operation", "keys", "threads", "ns");
  for (const Line& line : lines_) {
    absl::StrAppendFormat(&text, "%s %8.0f\n", LineToText(line.timing), line.median());
  }
  return text;
}

absl::StatusOr<Json> TimingTable::CompareToJson(const TimingTable& other) const {
  if (lines_.size() != other.lines_.size()) {
    return absl::InternalError("the other program measures other things");
  }
  Json timings = Json::array();
  for (size_t i = 0; i < lines_.size(); ++i) {
    if (!SameLine(lines_[i].timing, other.lines_[i].timing)) {
      return absl::InternalError("the other program measures other things");
    }
    Json json = LineToJson(lines_[i].timing);
    json["cpu_nanos"] = lines_[i].median();
    json["other_cpu_nanos"] = other.lines_[i].median();
    json["ratio"] = lines_[i].median() / other.lines_[i].median();
    timings.push_back(std::move(json));
  }
  return timings;
}

absl::StatusOr<std::string> TimingTable::CompareToText(const TimingTable& other) const {
  const absl::StatusOr<Json> compared = CompareToJson(other);
  if (!compared.ok()) return compared.status();
  std::string text = absl::StrFormat("%-14s %-10s %8s %8s %8s %8s\n", "operation", "keys",
                                     "threads", "this ns", "other ns", "ratio");
  for (size_t i = 0; i < lines_.size(); ++i) {
    const double ours = lines_[i].median();
    const double theirs = other.lines_[i].median();
    absl::StrAppendFormat(&text, "%s %8.0f %8.0f %8.2f\n", LineToText(lines_[i].timing), ours,
                          theirs, ours / theirs);
  }
  return text;
}

absl::StatusOr<std::vector<Timing>> ParseTimings(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  std::vector<Timing> timings;
  if (json.is_object() && json.contains("timings") && json["timings"].is_array()) {
    for (const Json& line : json["timings"]) {
      if (!line.is_object()) break;
      timings.push_back({line.value("operation", ""), line.value("distribution", ""),
                         line.value("threads", 0), line.value("cpu_nanos", 0.0)});
    }
  }
  if (timings.empty()) {
    return absl::InternalError(
        absl::StrCat("no timings in '", std::string(text.substr(0, 200)), "'"));
  }
  return timings;
}

}  // namespace larder::bench
