#ifndef LARDER_TESTS_BENCH_CLIENT_LOAD_H_
#define LARDER_TESTS_BENCH_CLIENT_LOAD_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "client/client.h"

namespace larder::bench {

// How a program uses larder::Client.
struct ClientLoad {
  enum class Operation { kGet, kSet, kMultiGet };

  std::string name() const;  // "Get, 16 blocking callers"

  Operation operation = Operation::kGet;
  bool is_blocking = false;  // each caller waits for its answer; else a callback asks for the next
  int in_flight = 1;         // callers, or calls
};

inline constexpr int kClientLoadKeys = 10000;
inline constexpr int kClientLoadMultiGetKeys = 100;

// Sets all keys to values of so many bytes. The error of the first Set that fails.
absl::Status FillForClientLoad(Client& client, size_t value_bytes);

struct ClientLoadResult {
  double cpu_micros = 0;  // of this process, for each operation
  double operations_per_second = 0;
};

// Runs a load, a tenth of it before without counting. The error of the first operation that fails,
// or NOT_FOUND for one that misses.
absl::StatusOr<ClientLoadResult> RunClientLoad(Client& client, const ClientLoad& load,
                                               uint64_t operations, size_t value_bytes);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_CLIENT_LOAD_H_
