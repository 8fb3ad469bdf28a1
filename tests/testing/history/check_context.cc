#include "tests/testing/history/check_context.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/testing/history/written_value.h"

namespace larder::history {
namespace {

uint64_t NumberOf(OperationId id) { return uint64_t{id.client} << 32 | id.number; }

std::pair<uint32_t, std::pair<uint64_t, uint64_t>> PlaceOf(const LogPosition& position) {
  return {position.shard, {position.epoch, position.sequence}};
}

const char* NameOf(OperationKind kind) {
  switch (kind) {
    case OperationKind::kSet:
      return "set";
    case OperationKind::kDelete:
      return "delete";
    case OperationKind::kIncrement:
      return "increment";
    case OperationKind::kAppend:
      return "append";
    case OperationKind::kTouch:
      return "touch";
    case OperationKind::kGet:
      return "get";
    case OperationKind::kLease:
      return "lease";
  }
  return "?";
}

std::string AskedText(const Operation& operation) {
  std::string text;
  if (operation.is_final) text = "final ";
  absl::StrAppend(&text, NameOf(operation.kind), " ", ToText(operation.id));
  if (operation.delta != 0) absl::StrAppend(&text, " by ", operation.delta);
  if (operation.ttl_ms != 0) absl::StrAppend(&text, " ttl ", operation.ttl_ms, " ms");
  if (operation.condition == SetCondition::kIfAbsent) absl::StrAppend(&text, " if absent");
  if (operation.condition == SetCondition::kIfPresent) absl::StrAppend(&text, " if present");
  if (operation.condition_version != 0) {
    absl::StrAppend(&text, " if version ", operation.condition_version);
  }
  if (operation.condition == SetCondition::kLease) {
    absl::StrAppend(&text, " with the lease of ", ToText(operation.lease));
  }
  if (operation.ack == AckLevel::kReplicas) {
    absl::StrAppend(&text, " ack REPLICAS(", operation.replicas, ")");
  }
  if (operation.ack == AckLevel::kDisk) absl::StrAppend(&text, " ack DISK");
  if (operation.max_staleness_ms >= 0) {
    absl::StrAppend(&text, " at most ", operation.max_staleness_ms, " ms stale");
  }
  if (operation.min_position.is_known()) {
    absl::StrAppend(&text, " from position ", operation.min_position.epoch, ":",
                    operation.min_position.sequence);
  }
  return text;
}

std::string AnswerText(const Operation& operation) {
  if (operation.outcome == Outcome::kNotApplied) return ", refused";
  if (operation.outcome == Outcome::kUnknown) return ", outcome unknown";
  std::string text;
  switch (operation.kind) {
    case OperationKind::kSet:
    case OperationKind::kAppend:
      text = operation.done ? ", stored" : ", not stored";
      break;
    case OperationKind::kDelete:
      text = operation.done ? ", deleted" : ", nothing to delete";
      break;
    case OperationKind::kLease:
      text = operation.done ? ", hit" : operation.is_granted ? ", granted" : ", held";
      break;
    default:
      text = operation.done ? ", found" : ", not found";
  }
  if (!operation.state.empty()) absl::StrAppend(&text, " ", operation.state);
  if (operation.is_stale) absl::StrAppend(&text, " (deleted, served stale)");
  if (operation.version != 0) absl::StrAppend(&text, " version ", operation.version);
  if (operation.position.is_known()) {
    absl::StrAppend(&text, " position ", operation.position.epoch, ":",
                    operation.position.sequence);
  }
  return text;
}

}  // namespace

CheckContext::CheckContext(const History& history, const CheckOptions& options)
    : history_(history), options_(options), windows_(history.events) {
  operations_.reserve(history.operations.size());
  report_.operations = history.operations.size();
  report_.keys = history.keys.size();
  report_.windows = windows_.windows().size();
  if (!history.operations.empty()) origin_ = kNever;
  for (uint32_t i = 0; i < history.operations.size(); ++i) {
    const Operation& operation = history.operations[i];
    origin_ = std::min(origin_, operation.begin);
    operations_.emplace(NumberOf(operation.id), i);
    if (operation.outcome == Outcome::kOk) ++report_.acknowledged;
    if (operation.outcome == Outcome::kNotApplied) ++report_.refused;
    if (operation.outcome == Outcome::kUnknown) ++report_.unknown;
    if (operation.position.is_known()) positions_.emplace(PlaceOf(operation.position), i);
  }
}

uint32_t CheckContext::Find(OperationId id) const {
  const auto found = operations_.find(NumberOf(id));
  return found == operations_.end() ? kNoOperation : found->second;
}

uint32_t CheckContext::FindWrite(const LogPosition& position) const {
  const auto found = positions_.find(PlaceOf(position));
  return found == positions_.end() ? kNoOperation : found->second;
}

int64_t CheckContext::EffectiveBegin(const Operation& operation) const {
  if (operation.max_staleness_ms < 0 || operation.is_final) return operation.begin;
  int64_t begin =
      operation.begin - operation.max_staleness_ms * 1'000'000 - options_.clock_margin_ns;
  if (operation.min_position.is_known()) {
    const uint32_t write = FindWrite(operation.min_position);
    if (write != kNoOperation) begin = std::max(begin, this->operation(write).begin);
  }
  return std::min(begin, operation.begin);
}

int64_t CheckContext::EffectiveEnd(const Operation& operation) const {
  if (operation.outcome == Outcome::kOk) return operation.end;
  if (options_.unknown_lasts_ns == kNever) return kNever;
  return operation.begin + options_.unknown_lasts_ns;
}

std::string CheckContext::At(int64_t time) const {
  if (time == kNever) return "never";
  return absl::StrFormat("%.6f", static_cast<double>(time - origin_) / 1e9);
}

std::string CheckContext::Describe(uint32_t number) const {
  const Operation& asked = operation(number);
  const std::string node = asked.node < history_.nodes.size() && !history_.nodes[asked.node].empty()
                               ? " by " + history_.nodes[asked.node]
                               : std::string();
  return absl::StrCat(AskedText(asked), " [", At(asked.begin), "..", At(asked.end), " s", node,
                      AnswerText(asked), "]");
}

void CheckContext::Add(FindingKind kind, std::string message, std::vector<uint32_t> operations) {
  const uint32_t key = operation(operations.front()).key;
  if (++findings_of_key_[{key, kind}] > options_.findings_per_key_max) return;
  ++report_.findings_total;
  if (++report_.findings_by_kind[kind] > options_.findings_per_kind_max) return;
  report_.findings.push_back({kind, history_.keys[key], std::move(message), std::move(operations)});
}

}  // namespace larder::history
