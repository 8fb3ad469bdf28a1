#ifndef LARDER_TESTS_BENCH_HOT_PATH_RUNNING_SERVER_H_
#define LARDER_TESTS_BENCH_HOT_PATH_RUNNING_SERVER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/bench_keys.h"
#include "tests/bench/child_process.h"
#include "tests/bench/hot_path/load_generator.h"
#include "tests/bench/hot_path/load_result.h"
#include "tests/bench/hot_path/measured_server.h"
#include "tests/bench/hot_path/measurement.h"
#include "tests/bench/hot_path/workload.h"
#include "tests/bench/resident_memory.h"

namespace larder::bench {

// A server that was started for one workload on a free port of 127.0.0.1, with the workload's keys
// set. It ends with this object. Not thread-safe; main thread only, as ChildProcess.
class RunningServer {
 public:
  struct RunOptions {
    uint64_t operations = 1;
    std::optional<uint64_t> rate;      // operations per second; absent: as many as are answered
    bool counts_system_calls = false;  // in a short run of its own
    uint64_t seed = 1;                 // of the choice of keys
    bool spins = false;                // the load generator, which has a processor of its own
  };

  // INTERNAL, UNAVAILABLE: it does not start, or does not take the values. `server` outlives this.
  // `wrapper`: a program that runs the server, and its arguments.
  static absl::StatusOr<std::unique_ptr<RunningServer>> Start(
      const MeasuredServer& server, const Workload& workload,
      const std::vector<std::string>& wrapper = {});

  // Runs the workload on new connections, first for a short while that does not count. INTERNAL:
  // operations failed. Also all the errors of LoadGenerator.
  absl::StatusOr<Measurement> Measure(const LoadShape& shape, const RunOptions& options);

  // Connections for the workload, with keys chosen by `seed`. Must not outlive this.
  absl::StatusOr<std::unique_ptr<LoadGenerator>> Connect(const LoadShape& shape, uint64_t seed,
                                                         bool spins = false);
  uint16_t port() const { return port_; }
  // The memory of the server.
  absl::StatusOr<uint64_t> ResidentBytes() const { return ResidentBytesOf(process_->pid()); }

  // Runs the workload on new connections and measures nothing. Errors as Measure.
  absl::Status Run(const LoadShape& shape, uint64_t operations);
  // Asks the server to end, and waits until it has. INTERNAL: it has not, or not well.
  absl::Status Stop();

 private:
  RunningServer(const MeasuredServer& server, const Workload& workload);

  absl::Status StartProcess(const std::vector<std::string>& wrapper);
  // Sets each key once.
  absl::Status Fill();
  // Nothing: this machine cannot count them. Else per operation.
  absl::StatusOr<std::optional<double>> CountSystemCalls(LoadGenerator& generator,
                                                         uint64_t operations,
                                                         const RunOptions& options);

  const MeasuredServer& server_;
  const Workload workload_;
  KeySequence keys_;
  uint16_t port_ = 0;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_RUNNING_SERVER_H_
