#ifndef LARDER_TESTS_BENCH_HOT_PATH_LOAD_PROTOCOL_H_
#define LARDER_TESTS_BENCH_HOT_PATH_LOAD_PROTOCOL_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "tests/bench/hot_path/load_answers.h"

namespace larder::bench {

// The client's side of one connection: which bytes ask for the operations of a workload, and which
// operations the bytes that come back answer. Does no I/O: what is to be sent is appended to
// `output`. Not thread-safe.
class LoadProtocol {
 public:
  virtual ~LoadProtocol() = default;

  // What a connection begins with.
  virtual void Start(std::string& /*output*/) {}
  // One more operation. The first has number 0, the next 1, and so on.
  virtual void AppendRequest(std::string& output) = 0;
  // Takes what the server sent next, which may end anywhere. INTERNAL, UNAVAILABLE: nothing
  // that follows on this connection could be understood.
  virtual absl::Status Receive(std::string_view bytes, std::string& output,
                               LoadAnswers& answers) = 0;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_LOAD_PROTOCOL_H_
