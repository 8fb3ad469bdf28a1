#ifndef LARDER_TESTS_TESTING_HISTORY_LOAD_FINAL_READS_H_
#define LARDER_TESTS_TESTING_HISTORY_LOAD_FINAL_READS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/testing/history/history_reader.h"

namespace larder::history {

struct FinalReadOptions {
  std::vector<std::string> addresses;
  // So that a replica answers itself, and does not ask its primary. Absent: not asked for.
  std::optional<absl::Duration> max_staleness;
  absl::Duration deadline = absl::Seconds(10);  // of each read
};

// Adds what each node holds of each key, all that the reader has, after quiet. INVALID_ARGUMENT: an
// address is no good. UNAVAILABLE and others: a node does not answer.
absl::Status AddFinalReads(const FinalReadOptions& options, const std::vector<std::string>& keys,
                           HistoryReader& reader);

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_LOAD_FINAL_READS_H_
