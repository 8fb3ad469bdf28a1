#ifndef LARDER_TESTS_BENCH_COPY_ROUND_H_
#define LARDER_TESTS_BENCH_COPY_ROUND_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/bench/hot_path/workload.h"

namespace larder::bench {

inline constexpr LoadShape kCopyWriters = {4, 16};

// The writers of kCopyWriters, who set keys at random as fast as they are answered, and a reader
// that gets keys at random at a fixed rate, on a connection of its own, as LoadThread's
// is_real_time has it.
struct CopyLoad {
  uint64_t reader_rate = 1;
  bool idle_writers = false;  // as LoadThread::Options::is_idle
  // How long, before the replica comes and again when it follows.
  absl::Duration time = absl::ZeroDuration();
};

struct CopyRoundOptions {
  std::string larderd;  // the program; empty: redis-server
  Workload workload;    // its keys and values are what is copied
  uint64_t log_bytes = 0;
  std::optional<uint64_t> copy_bytes_per_second = {};  // larderd's flag; absent: its default
  absl::Duration wait;                                 // for the end of the copy
  std::optional<CopyLoad> load;                        // absent: nobody reads or writes
  uint64_t seed = 1;
};

// What came of the load, in one of its three times.
struct CopyLoadResult {
  uint64_t gets = 0;
  double get_p99_micros = 0;
  double get_max_micros = 0;
  double sets_per_second = 0;
  uint64_t failed_sets = 0;  // which a server may refuse that cannot keep up
  std::string first_failure;
};

struct CopyRound {
  // From the start of the replica's process until it has all and follows. Nothing: it did not
  // within the wait.
  std::optional<double> seconds;
  // Of the primary's process: before the replica came, and by how much most beyond.
  uint64_t resident_bytes = 0;
  uint64_t growth_bytes = 0;
  std::optional<CopyLoadResult> before;  // with a load only
  std::optional<CopyLoadResult> during;
  // While the replica follows, so that what is left of the difference to `during` is the copy's.
  std::optional<CopyLoadResult> after;
};

// Starts a primary, fills it, starts its replica, and ends both. INTERNAL: a Get failed, or the
// replica that follows has another number of entries. Also the errors of ReplicatedServer and
// LoadGenerator. Main thread only, as ChildProcess.
absl::StatusOr<CopyRound> MeasureCopy(const CopyRoundOptions& options);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_COPY_ROUND_H_
