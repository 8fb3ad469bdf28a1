#ifndef LARDER_TESTS_BENCH_REPLICATION_COPY_COMMAND_H_
#define LARDER_TESTS_BENCH_REPLICATION_COPY_COMMAND_H_

#include <CLI/App.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/bench/invocation.h"

namespace larder::bench {

// `replication --what=copy`: how long a full copy takes, and what it costs others.
struct CopyArguments {
  uint64_t entries = 2'000'000;
  uint64_t log_bytes = uint64_t{64} << 20;
  uint64_t reader_rate = 1000;
  bool idle_writers = false;
  uint64_t copy_bytes_per_second = uint64_t{128} << 20;
  std::optional<absl::Duration> copy_wait;
};

// What the subcommand has for all that it measures.
struct CopyRun {
  std::string larderd;  // empty: beside this program
  int rounds = 1;
  int seconds = 1;  // of the load before the replica comes, and when it follows
  bool json = false;
};

inline constexpr const char* kCopyFlags[] = {"--entries",     "--log_bytes",
                                             "--reader_rate", "--idle_writers",
                                             "--copy_wait",   "--copy_bytes_per_second"};
void AddCopyFlags(CLI::App& command, CopyArguments& arguments);

// INVALID_ARGUMENT names the flag. Also the errors of MeasureCopy. A copy that does not end in time
// is no error but told.
absl::Status RunCopy(const CopyArguments& arguments, const CopyRun& run, Invocation& invocation);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_REPLICATION_COPY_COMMAND_H_
