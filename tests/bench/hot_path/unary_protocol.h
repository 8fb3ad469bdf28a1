#ifndef LARDER_TESTS_BENCH_HOT_PATH_UNARY_PROTOCOL_H_
#define LARDER_TESTS_BENCH_HOT_PATH_UNARY_PROTOCOL_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/hot_path/http2_session.h"
#include "tests/bench/hot_path/key_picker.h"
#include "tests/bench/hot_path/load_protocol.h"
#include "tests/bench/hot_path/message_template.h"
#include "tests/bench/hot_path/workload.h"

namespace larder::bench {

// Unary gRPC calls of larder.v1.Cache: operation n is stream 2n + 1. Another status than 0, or an
// answer that is shorter than a good one, is a failure.
class UnaryProtocol final : public LoadProtocol, private Http2Session::Listener {
 public:
  UnaryProtocol(const Workload& workload, std::string_view authority, const KeyPicker& keys);

  void Start(std::string& output) override;
  void AppendRequest(std::string& output) override;
  absl::Status Receive(std::string_view bytes, std::string& output, LoadAnswers& answers) override;

 private:
  void OnData(uint32_t stream, std::string_view bytes) override;
  void OnEnd(uint32_t stream, std::string_view problem) override;
  void Call(std::string& output);

  const MessageTemplate request_;
  const size_t answer_bytes_min_;  // with gRPC's prefix
  KeyPicker keys_;
  Http2Session session_;
  uint64_t held_back_ = 0;                // calls for which the server has no stream yet
  std::vector<uint32_t> received_bytes_;  // by number of the operation
  std::string body_;                      // of the call at hand; kept for its memory
  LoadAnswers* answers_ = nullptr;        // during Receive
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_UNARY_PROTOCOL_H_
