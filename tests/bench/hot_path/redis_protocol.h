#ifndef LARDER_TESTS_BENCH_HOT_PATH_REDIS_PROTOCOL_H_
#define LARDER_TESTS_BENCH_HOT_PATH_REDIS_PROTOCOL_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/bench/hot_path/key_picker.h"
#include "tests/bench/hot_path/line_scanner.h"
#include "tests/bench/hot_path/load_protocol.h"
#include "tests/bench/hot_path/workload.h"

namespace larder::bench {

// GET, SET and MGET over RESP2. A value that is missing or of another size is a failure.
class RedisProtocol final : public LoadProtocol {
 public:
  RedisProtocol(const Workload& workload, const KeyPicker& keys);

  void AppendRequest(std::string& output) override;
  absl::Status Receive(std::string_view bytes, std::string& output, LoadAnswers& answers) override;

 private:
  absl::Status TakeLine(std::string_view line, LoadAnswers& answers);
  absl::Status TakeBulk(std::string_view line, LoadAnswers& answers);
  // The end of one of the values of the answer, or of a single one.
  void EndItem(LoadAnswers& answers);

  const size_t value_bytes_;
  const int keys_per_operation_;
  const bool writes_;
  KeyPicker keys_;
  std::string head_;  // of a request, before its keys
  std::string tail_;  // after them

  LineScanner scanner_;
  uint64_t next_answer_ = 0;
  int64_t items_left_ = 0;   // of an array that has begun
  bool is_in_body_ = false;  // the next line is the end of a value
  std::string problem_;      // of the answer that has begun
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_REDIS_PROTOCOL_H_
