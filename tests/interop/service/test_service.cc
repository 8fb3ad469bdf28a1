#include "tests/interop/service/test_service.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/rpc/services/message_method.h"
#include "server/transport/front_end.h"
#include "tests/interop/service/test_service.pb.h"

namespace larder::interop {
namespace {

bool ParseMessage(std::string_view bytes, google::protobuf::MessageLite* message) {
  return message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

using grpc::testing::EchoStatus;
using grpc::testing::Empty;
using grpc::testing::SimpleRequest;
using grpc::testing::SimpleResponse;
using grpc::testing::StreamingInputCallRequest;
using grpc::testing::StreamingInputCallResponse;
using grpc::testing::StreamingOutputCallRequest;
using grpc::testing::StreamingOutputCallResponse;
using server::RpcCall;
using server::SendMessage;
using server::StreamingCall;
using server::StreamingMethod;
using server::UnaryMethod;
using server::UnreadableStatus;

constexpr int32_t kBodyBytesMax = 16 << 20;
constexpr std::string_view kEchoInitial = "x-grpc-test-echo-initial";
constexpr std::string_view kEchoTrailing = "x-grpc-test-echo-trailing-bin";

absl::Status MirrorMetadata(RpcCall& call) {
  const auto initial = call.metadata().Find(kEchoInitial);
  const auto trailing = call.metadata().Find(kEchoTrailing);
  absl::Status status;
  if (initial.has_value()) status.Update(call.AddInitialMetadata(kEchoInitial, *initial));
  if (trailing.has_value()) status.Update(call.AddTrailingMetadata(kEchoTrailing, *trailing));
  return status;
}

absl::Status StatusOf(const EchoStatus& asked) {
  return {static_cast<absl::StatusCode>(asked.code()), asked.message()};
}

template <typename Response>
absl::Status FillBody(int32_t bytes, Response& response) {
  if (bytes < 0 || bytes > kBodyBytesMax) {
    return absl::InvalidArgumentError("a body may have 0 to 16 MiB");
  }
  response.mutable_payload()->set_body(std::string(static_cast<size_t>(bytes), '\0'));
  return absl::OkStatus();
}

class EmptyCall final : public UnaryMethod {
 public:
  void Run(std::string_view bytes, RpcCall& call) override {
    Empty request;
    if (!ParseMessage(bytes, &request)) return call.Finish(UnreadableStatus("EmptyCall"));
    SendMessage(Empty(), call);
    call.Finish(absl::OkStatus());
  }
};

class UnaryCall final : public UnaryMethod {
 public:
  bool reads_metadata() const override { return true; }
  void Run(std::string_view bytes, RpcCall& call) override {
    SimpleRequest request;
    if (!ParseMessage(bytes, &request)) return call.Finish(UnreadableStatus("UnaryCall"));
    SimpleResponse response;
    absl::Status status = MirrorMetadata(call);
    status.Update(StatusOf(request.response_status()));
    status.Update(FillBody(request.response_size(), response));
    if (request.fill_server_id()) response.set_server_id("larder");
    if (status.ok()) SendMessage(response, call);
    call.Finish(status);
  }
};

// The part that the streaming calls share: a call that ends when its client has.
class TestCall : public StreamingCall {
 public:
  explicit TestCall(RpcCall* call) : call_(call) {}
  void OnEnd() override { call_->Finish(absl::OkStatus()); }
  void OnDrain() override { call_->Finish(absl::UnavailableError(server::kShuttingDown)); }

 protected:
  // Sends what a request asks for. False: the call is finished.
  bool Answer(const StreamingOutputCallRequest& request) {
    absl::Status status = StatusOf(request.response_status());
    for (const auto& wanted : request.response_parameters()) {
      StreamingOutputCallResponse response;
      status.Update(FillBody(wanted.size(), response));
      if (wanted.interval_us() > 0) {
        status.Update(absl::UnimplementedError("this service does not pause between messages"));
      }
      if (!status.ok()) break;
      SendMessage(response, *call_);
    }
    if (!status.ok()) call_->Finish(status);
    return status.ok();
  }

  template <typename Request>
  bool Parse(std::string_view bytes, Request* request) {
    if (ParseMessage(bytes, request)) return true;
    call_->Finish(UnreadableStatus("TestService"));
    return false;
  }

  RpcCall* const call_;
};

// One request, many answers.
class StreamingOutputCall final : public TestCall {
 public:
  using TestCall::TestCall;
  void OnMessage(std::string_view bytes) override {
    StreamingOutputCallRequest request;
    if (Parse(bytes, &request) && Answer(request)) call_->Finish(absl::OkStatus());
  }
};

// Many requests, one answer.
class StreamingInputCall final : public TestCall {
 public:
  using TestCall::TestCall;
  void OnMessage(std::string_view bytes) override {
    StreamingInputCallRequest request;
    if (Parse(bytes, &request)) bytes_ += request.payload().body().size();
  }
  void OnEnd() override {
    StreamingInputCallResponse response;
    response.set_aggregated_payload_size(static_cast<int32_t>(bytes_));
    SendMessage(response, *call_);
    call_->Finish(absl::OkStatus());
  }

 private:
  size_t bytes_ = 0;
};

// Each request is answered as it comes.
class FullDuplexCall final : public TestCall {
 public:
  using TestCall::TestCall;
  void OnMessage(std::string_view bytes) override {
    StreamingOutputCallRequest request;
    if (Parse(bytes, &request)) Answer(request);
  }
};

// The requests are answered when all have come.
class HalfDuplexCall final : public TestCall {
 public:
  using TestCall::TestCall;
  void OnMessage(std::string_view bytes) override {
    StreamingOutputCallRequest request;
    if (Parse(bytes, &request)) requests_.push_back(std::move(request));
  }
  void OnEnd() override {
    for (const StreamingOutputCallRequest& request : requests_) {
      if (!Answer(request)) return;
    }
    call_->Finish(absl::OkStatus());
  }

 private:
  std::vector<StreamingOutputCallRequest> requests_;
};

template <typename Call>
class TestMethod final : public StreamingMethod {
 public:
  bool reads_metadata() const override { return true; }
  std::unique_ptr<StreamingCall> Open(RpcCall& call) override {
    const absl::Status status = MirrorMetadata(call);
    if (!status.ok()) call.Finish(status);
    return std::make_unique<Call>(&call);
  }
};

}  // namespace

void AddTestService(server::RpcMethods& methods) {
  const auto path = [](const char* method) {
    return std::string("/grpc.testing.TestService/") + method;
  };
  methods.Add(path("EmptyCall"), std::make_unique<EmptyCall>());
  methods.Add(path("UnaryCall"), std::make_unique<UnaryCall>());
  methods.Add(path("StreamingOutputCall"), std::make_unique<TestMethod<StreamingOutputCall>>());
  methods.Add(path("StreamingInputCall"), std::make_unique<TestMethod<StreamingInputCall>>());
  methods.Add(path("FullDuplexCall"), std::make_unique<TestMethod<FullDuplexCall>>());
  methods.Add(path("HalfDuplexCall"), std::make_unique<TestMethod<HalfDuplexCall>>());
}

}  // namespace larder::interop
