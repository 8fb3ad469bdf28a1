#ifndef LARDER_TESTS_BENCH_SERVER_START_H_
#define LARDER_TESTS_BENCH_SERVER_START_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "tests/bench/child_process.h"
#include "tests/bench/line_connection.h"

namespace larder::bench {

// Connects to a server that was just started, as soon as it listens. INTERNAL: it has ended.
// UNAVAILABLE: it does not listen after 10 s.
absl::StatusOr<std::unique_ptr<LineConnection>> WaitUntilReady(ChildProcess& server, uint16_t port);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_SERVER_START_H_
