#ifndef LARDER_TESTS_TESTING_HISTORY_LOAD_LOAD_RUN_H_
#define LARDER_TESTS_TESTING_HISTORY_LOAD_LOAD_RUN_H_

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/client.h"
#include "tests/testing/history/history_writer.h"
#include "tests/testing/history_load/history_client.h"
#include "tests/testing/history_load/load_options.h"

namespace larder::history {

// Clients that work in threads of their own, until they are stopped, and the file that they write.
// Not thread-safe.
class LoadRun {
 public:
  struct Result {
    uint64_t done = 0;
    uint64_t failed = 0;
    std::string a_failure;  // one of them
  };

  // INVALID_ARGUMENT: an address or the file is no good.
  static absl::StatusOr<std::unique_ptr<LoadRun>> Start(LoadOptions options);
  ~LoadRun();

  // The answer to a line of the control connection (event_line.h); `stop`: it asks for the end.
  std::string Control(std::string_view line, bool& stop);

  // UNAVAILABLE: the history could not be written.
  absl::StatusOr<Result> Stop();

 private:
  explicit LoadRun(LoadOptions options) : options_(std::move(options)) {}
  void Work(HistoryClient& client);
  void Join();

  const LoadOptions options_;
  std::unique_ptr<HistoryWriter> writer_;
  std::vector<std::unique_ptr<Client>> nodes_;
  std::vector<std::unique_ptr<HistoryClient>> clients_;
  std::vector<std::thread> threads_;
  std::atomic<bool> is_stopping_ = false;
  std::map<std::string, LossEvent> events_;  // that have begun
};

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_LOAD_LOAD_RUN_H_
