#include "tests/testing/history/history_reader.h"

#include <cstdint>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/testing/history/written_value.h"

namespace larder::history {
namespace {

uint64_t NumberOf(OperationId id) { return uint64_t{id.client} << 32 | id.number; }

}  // namespace

absl::Status HistoryReader::AddFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::InvalidArgumentError(absl::StrCat(path, ": cannot be read"));
  std::ostringstream text;
  text << file.rdbuf();
  if (file.bad()) return absl::InvalidArgumentError(absl::StrCat(path, ": cannot be read"));
  return Add(text.str(), path);
}

absl::Status HistoryReader::Add(std::string_view text, const std::string& name) {
  size_t number = 0;
  for (size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    absl::Status status;
    if (++number > 1) {
      status = AddLine(line);
    } else if (line != kFirstLine) {
      status = absl::InvalidArgumentError(
          absl::StrCat("a history begins with '", std::string(kFirstLine), "'"));
    }
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(name, ":", number, ": ", status.message()));
    }
  }
  if (number == 0) return absl::InvalidArgumentError(absl::StrCat(name, ": it is no history"));
  return absl::OkStatus();
}

absl::Status HistoryReader::AddLine(std::string_view line) {
  RecordType type{};
  absl::Status status = ParseRecordType(line, type);
  if (!status.ok()) return status;
  if (type == RecordType::kCompleted) return Complete(line);
  if (type == RecordType::kEventBegin || type == RecordType::kEventEnd) {
    return AddEvent(type, line);
  }
  OperationRecord record;
  status = ParseRecord(line, record);
  return status.ok() ? Begin(std::move(record)) : status;
}

absl::Status HistoryReader::Add(OperationRecord record) { return Begin(std::move(record)); }

absl::Status HistoryReader::Begin(OperationRecord record) {
  const auto number = static_cast<uint32_t>(history_.operations.size());
  if (!operations_.emplace(NumberOf(record.operation.id), number).second) {
    return absl::InvalidArgumentError(
        absl::StrCat("operation ", ToText(record.operation.id), " is there twice"));
  }
  if (record.key.empty()) return absl::InvalidArgumentError("the operation has no key");
  record.operation.key = Intern(record.key, history_.keys, keys_);
  record.operation.node = Intern(record.node, history_.nodes, nodes_);
  history_.operations.push_back(std::move(record.operation));
  return absl::OkStatus();
}

absl::Status HistoryReader::Complete(std::string_view line) {
  OperationRecord named;
  absl::Status status = ParseRecord(line, named);
  if (!status.ok()) return status;
  const auto found = operations_.find(NumberOf(named.operation.id));
  if (found == operations_.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("operation ", ToText(named.operation.id), " ends but never began"));
  }
  Operation& operation = history_.operations[found->second];
  OperationRecord record{std::move(operation), {}, {}};
  status = ParseRecord(line, record);
  operation = std::move(record.operation);
  operation.node = Intern(record.node, history_.nodes, nodes_);
  return status;
}

absl::Status HistoryReader::AddEvent(RecordType type, std::string_view line) {
  LossEvent event;
  absl::Status status = ParseRecord(line, event);
  if (!status.ok()) return status;
  if (type == RecordType::kEventBegin) {
    history_.events.push_back(std::move(event));
    return absl::OkStatus();
  }
  for (auto begun = history_.events.rbegin(); begun != history_.events.rend(); ++begun) {
    if (begun->name == event.name && begun->end == kNever) return ParseRecord(line, *begun);
  }
  return absl::InvalidArgumentError(absl::StrCat("event '", event.name, "' ends but never began"));
}

uint32_t HistoryReader::Intern(const std::string& name, std::vector<std::string>& names,
                               absl::flat_hash_map<std::string, uint32_t>& numbers) {
  const auto [at, is_new] = numbers.emplace(name, static_cast<uint32_t>(names.size()));
  if (is_new) names.push_back(name);
  return at->second;
}

}  // namespace larder::history
