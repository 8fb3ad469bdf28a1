#ifndef LARDER_TESTS_BENCH_HOT_PATH_PIPELINE_PROTOCOL_H_
#define LARDER_TESTS_BENCH_HOT_PATH_PIPELINE_PROTOCOL_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/bench/hot_path/grpc_message_reader.h"
#include "tests/bench/hot_path/http2_session.h"
#include "tests/bench/hot_path/key_picker.h"
#include "tests/bench/hot_path/load_protocol.h"
#include "tests/bench/hot_path/message_template.h"
#include "tests/bench/hot_path/workload.h"

namespace larder::bench {

// Operations on one stream of larder.v1.Cache/Pipeline: operation n has the id n + 1. An answer
// that is an error or shorter than a good one is a failure.
class PipelineProtocol final : public LoadProtocol, private Http2Session::Listener {
 public:
  PipelineProtocol(const Workload& workload, std::string_view authority, const KeyPicker& keys);

  void Start(std::string& output) override;
  void AppendRequest(std::string& output) override;
  absl::Status Receive(std::string_view bytes, std::string& output, LoadAnswers& answers) override;

 private:
  void OnData(uint32_t stream, std::string_view bytes) override;
  void OnEnd(uint32_t stream, std::string_view problem) override;
  absl::Status TakeAnswer(std::string_view message);

  const MessageTemplate request_;
  const uint32_t result_field_;
  const size_t result_bytes_min_;
  KeyPicker keys_;
  Http2Session session_;
  GrpcMessageReader message_reader_;
  uint32_t stream_ = 0;
  uint64_t requests_ = 0;
  uint32_t unreturned_bytes_ = 0;  // of the stream's window
  std::string id_;                 // of the request at hand; kept for its memory, as body_ is
  std::string body_;
  LoadAnswers* answers_ = nullptr;  // during Receive
  absl::Status status_;             // what Receive is to return
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_PIPELINE_PROTOCOL_H_
