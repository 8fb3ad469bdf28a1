#ifndef LARDER_TESTS_BENCH_HOT_PATH_FLOOR_PROTOCOL_H_
#define LARDER_TESTS_BENCH_HOT_PATH_FLOOR_PROTOCOL_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/bench/hot_path/load_protocol.h"
#include "tests/bench/hot_path/wire_sizes.h"

namespace larder::bench {

// Requests and answers that are nothing but their sizes.
class FloorProtocol final : public LoadProtocol {
 public:
  explicit FloorProtocol(const WireSizes& sizes) : sizes_(sizes) {}

  void AppendRequest(std::string& output) override { output.append(sizes_.request_bytes, 'r'); }

  absl::Status Receive(std::string_view bytes, std::string& /*output*/,
                       LoadAnswers& answers) override {
    received_bytes_ += bytes.size();
    for (; received_bytes_ >= sizes_.answer_bytes; received_bytes_ -= sizes_.answer_bytes) {
      answers.Add(next_answer_++);
    }
    return absl::OkStatus();
  }

 private:
  const WireSizes sizes_;
  uint64_t received_bytes_ = 0;  // of the answer that has begun
  uint64_t next_answer_ = 0;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_FLOOR_PROTOCOL_H_
