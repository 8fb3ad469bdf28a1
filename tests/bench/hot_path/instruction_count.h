#ifndef LARDER_TESTS_BENCH_HOT_PATH_INSTRUCTION_COUNT_H_
#define LARDER_TESTS_BENCH_HOT_PATH_INSTRUCTION_COUNT_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "tests/bench/hot_path/load_shape.h"
#include "tests/bench/hot_path/measured_server.h"
#include "tests/bench/hot_path/workload.h"

namespace larder::bench {

// Instructions that the server executes for an operation, outside of the kernel, as valgrind's
// callgrind counts them: what two runs differ by, of which one does `operations` more. NOT_FOUND:
// valgrind is not installed. INTERNAL: its output is not understood. Also the errors of
// RunningServer.
absl::StatusOr<double> CountInstructions(const MeasuredServer& server, const Workload& workload,
                                         const LoadShape& shape, uint64_t operations);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_INSTRUCTION_COUNT_H_
