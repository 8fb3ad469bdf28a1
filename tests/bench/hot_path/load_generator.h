#ifndef LARDER_TESTS_BENCH_HOT_PATH_LOAD_GENERATOR_H_
#define LARDER_TESTS_BENCH_HOT_PATH_LOAD_GENERATOR_H_

#include <sys/epoll.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/hot_path/load_connection.h"
#include "tests/bench/hot_path/load_protocol.h"
#include "tests/bench/hot_path/load_result.h"
#include "tests/bench/hot_path/load_schedule.h"
#include "tests/bench/hot_path/load_shape.h"

namespace larder::bench {

// The connections of a load and the one thread that drives them, the same for all protocols: the
// requests that are due on a connection go out in one send. A connection never has more operations
// in flight than its shape says, not even at a fixed rate: then those that are due wait, and that
// counts. Not thread-safe.
class LoadGenerator {
 public:
  struct Options {
    uint16_t port = 0;
    LoadShape shape;
    std::function<std::unique_ptr<LoadProtocol>(int connection)> make_protocol;
    bool spins = false;  // asks for events again and again instead of waiting for them
  };

  // UNAVAILABLE: nobody listens.
  static absl::StatusOr<std::unique_ptr<LoadGenerator>> Connect(const Options& options);
  ~LoadGenerator();
  LoadGenerator(const LoadGenerator&) = delete;
  LoadGenerator& operator=(const LoadGenerator&) = delete;

  // Does so many operations and waits for all answers, at `rate` per second (not 0) or as fast as
  // they come. May be called again. UNAVAILABLE, INTERNAL: as LoadConnection. DEADLINE_EXCEEDED:
  // the server is silent for 30 s. Operations that fail are counted in the result.
  absl::StatusOr<LoadResult> Run(uint64_t operations, std::optional<uint64_t> rate);
  // The same for as many operations as are due before another thread sets `is_ending`.
  absl::StatusOr<LoadResult> RunUntil(const std::atomic<bool>& is_ending,
                                      std::optional<uint64_t> rate);

 private:
  LoadGenerator(int epoll, int in_flight_max, bool spins);

  absl::Status Add(std::unique_ptr<LoadConnection> connection);
  absl::StatusOr<LoadResult> RunWhile(const std::atomic<bool>* is_ending, uint64_t operations,
                                      std::optional<uint64_t> rate);
  absl::Status Drive(const std::atomic<bool>* is_ending, LoadSchedule& schedule,
                     LoadResult& result);
  // Issues what is due, as far as connections are free for it, to each connection in turn.
  absl::Status IssueDue(LoadSchedule& schedule, LoadResult& result);
  absl::Status Serve(size_t connection, LoadSchedule& schedule, LoadResult& result);
  absl::Status Flush(size_t connection, LoadResult& result);
  // Waits for events, and no longer than until the next operation is due. Returns their count.
  absl::StatusOr<int> Wait(const LoadSchedule& schedule, std::span<epoll_event> events);

  const int epoll_;
  const int in_flight_max_;  // of each connection
  const bool spins_;
  std::vector<std::unique_ptr<LoadConnection>> connections_;
  std::vector<bool> awaits_room_;     // by connection: the socket takes no more
  size_t next_connection_ = 0;        // whose turn it is
  bool is_a_connection_free_ = true;  // when IssueDue last looked
  std::vector<char> buffer_;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_LOAD_GENERATOR_H_
