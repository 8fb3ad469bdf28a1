#ifndef LARDER_TESTS_TESTING_HISTORY_RECORD_FORMAT_H_
#define LARDER_TESTS_TESTING_HISTORY_RECORD_FORMAT_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "tests/testing/history/loss_event.h"
#include "tests/testing/history/operation.h"

namespace larder::history {

// The lines of a history file, by their first letter:
//   I  a mutation is about to be sent     C  the end of one     R  a read, whole
//   B  an event begins                    E  the event of this name ends
// A line is fields parted by blanks, each a letter and a value; what has its default is left out.
// README.md lists the letters. The first line of a file is kFirstLine.
inline constexpr std::string_view kFirstLine = "larder-history 1";

enum class RecordType : char {
  kInvoked = 'I',
  kCompleted = 'C',
  kRead = 'R',
  kEventBegin = 'B',
  kEventEnd = 'E',
};

// An operation with its names.
struct OperationRecord {
  Operation operation;
  std::string key;
  std::string node;
};

// Append a line, with its end. Of kCompleted only the id and the answer are written.
void AppendRecord(RecordType type, const Operation& operation, std::string_view key,
                  std::string_view node, std::string& out);
void AppendRecord(RecordType type, const LossEvent& event, std::string& out);

// The line's type. INVALID_ARGUMENT: there is none such.
absl::Status ParseRecordType(std::string_view line, RecordType& type);
// Set what is in the line, and leave the rest. INVALID_ARGUMENT names the field.
absl::Status ParseRecord(std::string_view line, OperationRecord& record);
absl::Status ParseRecord(std::string_view line, LossEvent& event);

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_RECORD_FORMAT_H_
