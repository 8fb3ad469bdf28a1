#ifndef LARDER_TESTS_BENCH_LINE_CONNECTION_H_
#define LARDER_TESTS_BENCH_LINE_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace larder::bench {

// A connection to a server on this machine whose answers are lines. Blocks, each call at most 30 s.
// Not thread-safe.
class LineConnection {
 public:
  // UNAVAILABLE: nobody listens.
  static absl::StatusOr<std::unique_ptr<LineConnection>> Open(uint16_t port);
  ~LineConnection();
  LineConnection(const LineConnection&) = delete;
  LineConnection& operator=(const LineConnection&) = delete;

  // UNAVAILABLE: the connection broke, or the server does not read.
  absl::Status Send(std::string_view bytes);
  // One line without its end. UNAVAILABLE: the connection broke, or the server does not answer.
  absl::StatusOr<std::string> ReadLine();

 private:
  explicit LineConnection(int descriptor) : descriptor_(descriptor) {}

  const int descriptor_;
  std::string input_;
  size_t begin_ = 0;  // of what is not yet returned
};

// A port that was free a moment ago. INTERNAL: there is none.
absl::StatusOr<uint16_t> FreePort();

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_LINE_CONNECTION_H_
