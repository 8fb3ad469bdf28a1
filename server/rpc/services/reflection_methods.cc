#include "grpc/reflection/v1/reflection.pb.h"
#include "grpc/reflection/v1alpha/reflection.pb.h"
#include "server/reflection/reflection_answer.h"
#include "server/rpc/services/message_method.h"
#include "server/rpc/services/rpc_services.h"
#include "server/transport/front_end.h"

namespace larder::server {
namespace {

// Answers each request as it comes.
template <typename Request, typename Response>
class ReflectionCall final : public StreamingCall {
 public:
  ReflectionCall(const DescriptorIndex* index, RpcCall* call) : index_(index), call_(call) {}

  void OnMessage(std::string_view bytes) override {
    Request request;
    if (const ReadOutcome outcome = ReadMessage(bytes, {}, &request);
        outcome != ReadOutcome::kRead) {
      return call_->Finish(StatusOf(outcome, "ServerReflectionInfo", {}));
    }
    Response response;
    AnswerReflection(*index_, request, &response);
    SendMessage(response, *call_);
  }
  void OnEnd() override { call_->Finish(absl::OkStatus()); }
  void OnDrain() override { call_->Finish(absl::UnavailableError(kShuttingDown)); }

 private:
  const DescriptorIndex* const index_;
  RpcCall* const call_;
};

template <typename Request, typename Response>
class ReflectionMethod final : public StreamingMethod {
 public:
  explicit ReflectionMethod(const DescriptorIndex* index) : index_(index) {}
  std::unique_ptr<StreamingCall> Open(RpcCall& call) override {
    return std::make_unique<ReflectionCall<Request, Response>>(index_, &call);
  }

 private:
  const DescriptorIndex* const index_;
};

}  // namespace

void AddReflectionMethods(const DescriptorIndex* index, RpcMethods& methods) {
  namespace v1 = grpc::reflection::v1;
  namespace v1alpha = grpc::reflection::v1alpha;
  methods.Add(
      "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
      std::make_unique<ReflectionMethod<v1::ServerReflectionRequest, v1::ServerReflectionResponse>>(
          index));
  methods.Add("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
              std::make_unique<ReflectionMethod<v1alpha::ServerReflectionRequest,
                                                v1alpha::ServerReflectionResponse>>(index));
}

}  // namespace larder::server
