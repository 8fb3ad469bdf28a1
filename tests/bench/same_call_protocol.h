#ifndef LARDER_TESTS_BENCH_SAME_CALL_PROTOCOL_H_
#define LARDER_TESTS_BENCH_SAME_CALL_PROTOCOL_H_

#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "tests/bench/hot_path/grpc_messages.h"
#include "tests/bench/hot_path/http2_session.h"
#include "tests/bench/hot_path/load_protocol.h"

namespace larder::bench {

// A unary gRPC call, as it is sent.
struct SameCall {
  std::string path;
  std::string message;
  bool is_gzip = false;  // the message is compressed
};

// Makes one unary call again and again. Whatever comes back is an answer, errors as well.
class SameCallProtocol final : public LoadProtocol, private Http2Session::Listener {
 public:
  SameCallProtocol(const SameCall& call, std::string_view authority)
      : session_(authority, call.path, this, call.is_gzip ? "gzip" : "") {
    AppendGrpcPrefix(call.message.size(), body_);
    if (call.is_gzip) body_[0] = 1;
    body_ += call.message;
  }

  void Start(std::string& output) override { session_.Start(output); }
  void AppendRequest(std::string& output) override {
    if (session_.CanOpenStream()) {
      Call(output);
    } else {
      ++held_back_;
    }
  }
  absl::Status Receive(std::string_view bytes, std::string& output, LoadAnswers& answers) override {
    answers_ = &answers;
    const absl::Status status = session_.Receive(bytes, output);
    answers_ = nullptr;
    for (; held_back_ > 0 && session_.CanOpenStream(); --held_back_) Call(output);
    return status;
  }

 private:
  void OnData(uint32_t, std::string_view) override {}
  void OnEnd(uint32_t stream, std::string_view) override { answers_->Add(stream / 2); }
  void Call(std::string& output) {
    session_.SendBody(session_.OpenStream(output), body_, /*is_last=*/true, output);
  }

  Http2Session session_;
  std::string body_;
  uint64_t held_back_ = 0;
  LoadAnswers* answers_ = nullptr;  // during Receive
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_SAME_CALL_PROTOCOL_H_
