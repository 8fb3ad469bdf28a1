#ifndef LARDER_TESTS_TESTING_HISTORY_HISTORY_READER_H_
#define LARDER_TESTS_TESTING_HISTORY_HISTORY_READER_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/testing/history/history.h"
#include "tests/testing/history/record_format.h"

namespace larder::history {

// Puts the files of several recorders together to one history. A line without an end, which a
// recorder was writing when it died, is left out. Not thread-safe.
class HistoryReader {
 public:
  // INVALID_ARGUMENT names the file and the line: it cannot be read, is no history, has an
  // operation twice, or an end of what never began.
  absl::Status AddFile(const std::string& path);
  // The same for the text of a file.
  absl::Status Add(std::string_view text, const std::string& name);
  // What an operation that is not from a file becomes, such as a final read.
  absl::Status Add(OperationRecord record);

  // All keys so far.
  const std::vector<std::string>& keys() const { return history_.keys; }
  History Take() { return std::move(history_); }

 private:
  absl::Status AddLine(std::string_view line);
  absl::Status Begin(OperationRecord record);
  absl::Status Complete(std::string_view line);
  absl::Status AddEvent(RecordType type, std::string_view line);
  static uint32_t Intern(const std::string& name, std::vector<std::string>& names,
                         absl::flat_hash_map<std::string, uint32_t>& numbers);

  History history_;
  absl::flat_hash_map<std::string, uint32_t> keys_;
  absl::flat_hash_map<std::string, uint32_t> nodes_;
  absl::flat_hash_map<uint64_t, uint32_t> operations_;  // by client and number
};

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_HISTORY_READER_H_
