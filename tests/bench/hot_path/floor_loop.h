#ifndef LARDER_TESTS_BENCH_HOT_PATH_FLOOR_LOOP_H_
#define LARDER_TESTS_BENCH_HOT_PATH_FLOOR_LOOP_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/hot_path/wire_sizes.h"

namespace larder::bench {

// The least that a server can do: one thread that reads, counts bytes, and for each request's size
// of them sends an answer's size, all that is due in one send. What a real server spends beyond
// that is its own. Not thread-safe.
class FloorLoop {
 public:
  // Listens on that port of 127.0.0.1; 0: any free one. INTERNAL: it cannot.
  static absl::StatusOr<std::unique_ptr<FloorLoop>> Listen(uint16_t port, const WireSizes& sizes);
  ~FloorLoop();
  FloorLoop(const FloorLoop&) = delete;
  FloorLoop& operator=(const FloorLoop&) = delete;

  uint16_t port() const { return port_; }

  // Serves until so many connections have ended; 0: for ever. INTERNAL: it cannot go on.
  absl::Status Run(uint64_t connections_max);

 private:
  struct Connection {
    uint64_t received_bytes = 0;  // of the request that has begun
    uint64_t owed_bytes = 0;
    bool awaits_room = false;  // the socket takes no more
  };

  FloorLoop(int listener, int epoll, const WireSizes& sizes);

  void Accept();
  // False: the connection has ended.
  bool Receive(int descriptor);
  bool Send(int descriptor);

  const int listener_;
  const int epoll_;
  const WireSizes sizes_;
  uint16_t port_ = 0;
  std::vector<Connection> connections_;  // by descriptor
  std::vector<char> input_;
  std::vector<char> output_;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_FLOOR_LOOP_H_
