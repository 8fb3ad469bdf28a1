#ifndef LARDER_TESTS_BENCH_LOG_ROUND_H_
#define LARDER_TESTS_BENCH_LOG_ROUND_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/keyspace.h"
#include "storage/mutation_log.h"
#include "tests/bench/bench_keys.h"
#include "tests/bench/keyspace_round.h"

namespace larder::bench {

struct LogRoundOptions {
  uint64_t keys = 200000;
  uint64_t operations = 1000000;  // of each kind, by all threads
  size_t value_bytes = 100;
  uint64_t log_bytes = uint64_t{64} << 20;
  std::string only;            // one kind; else all
  std::optional<int> threads;  // so many; else 1, 2, 4 and 8
};

// How often the line that all appends write changes hands.
struct Handovers {
  int threads = 1;
  // Appends before which another thread has appended, of all: that often the line with the next
  // sequence comes from another core, if each thread has one.
  double per_append = 0;
};

struct LogFigures {
  std::vector<Timing> timings;
  std::vector<Handovers> handovers;
};

// Times what a log without a reader costs: `append` alone, with its room and as it lets readers
// know; `set` that overwrites, of a keyspace without a log; the same `set_logged`. Counts
// `handovers` of appends that are not timed.
class LogRound {
 public:
  static absl::StatusOr<LogFigures> Run(const LogRoundOptions& options);

 private:
  // Operation i of a thread.
  using Operation = std::function<bool(int thread, size_t i)>;

  explicit LogRound(const LogRoundOptions& options);

  absl::Status Make();
  absl::Status TimeAll(int threads);
  absl::Status Time(const std::string& operation, int threads, const Operation& run);
  absl::Status CountHandovers(int threads);
  // Returns the processor time of one operation.
  absl::StatusOr<double> RunOnThreads(const std::string& operation, int threads,
                                      const Operation& run);
  // Returns where the log goes on behind it.
  uint64_t Append(int thread, size_t i);
  bool Set(size_t i);

  const LogRoundOptions options_;
  const std::string value_;
  storage::HybridClock clock_{1};
  std::unique_ptr<storage::Keyspace> keyspace_;
  std::unique_ptr<storage::MutationLog> log_;
  KeySequence sequence_;
  LogFigures figures_;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_LOG_ROUND_H_
