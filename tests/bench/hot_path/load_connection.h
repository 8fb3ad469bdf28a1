#ifndef LARDER_TESTS_BENCH_HOT_PATH_LOAD_CONNECTION_H_
#define LARDER_TESTS_BENCH_HOT_PATH_LOAD_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/hot_path/load_protocol.h"
#include "tests/bench/hot_path/load_result.h"

namespace larder::bench {

// One non-blocking connection to a server on this machine, and what is unanswered on it.
// Not thread-safe.
class LoadConnection {
 public:
  // UNAVAILABLE: nobody listens.
  static absl::StatusOr<std::unique_ptr<LoadConnection>> Open(
      uint16_t port, std::unique_ptr<LoadProtocol> protocol);
  ~LoadConnection();
  LoadConnection(const LoadConnection&) = delete;
  LoadConnection& operator=(const LoadConnection&) = delete;

  int descriptor() const { return descriptor_; }
  int in_flight() const { return in_flight_; }
  bool has_unsent_bytes() const { return sent_ < output_.size(); }

  // Adds a request to what Flush sends. Its latency counts from `due_nanos`, CLOCK_MONOTONIC.
  void Issue(int64_t due_nanos);
  // Sends as much as the socket takes. UNAVAILABLE: the connection broke.
  absl::Status Flush(LoadResult& result);
  // Reads once, up to the buffer's size, and counts what is answered. UNAVAILABLE: the connection
  // broke. INTERNAL: the server sends what it should not.
  absl::Status Receive(std::span<char> buffer, LoadResult& result);

 private:
  LoadConnection(int descriptor, std::unique_ptr<LoadProtocol> protocol);

  void CountAnswers(LoadResult& result);

  const int descriptor_;
  const std::unique_ptr<LoadProtocol> protocol_;
  std::string output_;
  size_t sent_ = 0;                 // of output_
  std::vector<int64_t> due_nanos_;  // by number of the operation
  int in_flight_ = 0;
  LoadAnswers answers_;  // of one Receive; kept for its memory
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_LOAD_CONNECTION_H_
