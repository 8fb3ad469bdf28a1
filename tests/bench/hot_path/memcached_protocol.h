#ifndef LARDER_TESTS_BENCH_HOT_PATH_MEMCACHED_PROTOCOL_H_
#define LARDER_TESTS_BENCH_HOT_PATH_MEMCACHED_PROTOCOL_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/bench/hot_path/key_picker.h"
#include "tests/bench/hot_path/line_scanner.h"
#include "tests/bench/hot_path/load_protocol.h"
#include "tests/bench/hot_path/workload.h"

namespace larder::bench {

// get, of one key or many, and set over memcached's text protocol. A value that is missing or of
// another size is a failure.
class MemcachedProtocol final : public LoadProtocol {
 public:
  MemcachedProtocol(const Workload& workload, const KeyPicker& keys);

  void AppendRequest(std::string& output) override;
  absl::Status Receive(std::string_view bytes, std::string& output, LoadAnswers& answers) override;

 private:
  absl::Status TakeLine(std::string_view line, LoadAnswers& answers);
  absl::Status TakeValue(std::string_view line);
  void EndAnswer(LoadAnswers& answers);

  const size_t value_bytes_;
  const int keys_per_operation_;
  const bool writes_;
  KeyPicker keys_;
  std::string tail_;  // of a set, after its key

  LineScanner scanner_;
  uint64_t next_answer_ = 0;
  int values_ = 0;           // of the answer that has begun
  bool is_in_body_ = false;  // the next line is the end of a value
  std::string problem_;      // of the answer that has begun
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_MEMCACHED_PROTOCOL_H_
