#include "server/rpc/services/pipeline_method.h"

#include <chrono>
#include <utility>

#include "server/front_end.h"
#include "server/messages/pipeline_operation.h"
#include "server/rpc/services/message_method.h"
#include "server/rpc/services/wire_methods.h"

namespace larder::server {
namespace {

class PipelineCall final : public StreamingCall, private PipelineOwner {
 public:
  PipelineCall(const ServiceParts& parts, RpcCall* call)
      : parts_(parts), call_(call), started_(std::chrono::steady_clock::now()) {}

  ~PipelineCall() override {
    parts_.metrics->Record(Method::kPipeline, end_code_,
                           absl::FromChrono(std::chrono::steady_clock::now() - started_));
  }

  void OnMessage(std::string_view message) override {
    const absl::Status admitted = parts_.inflight->Enter();
    const bool is_done = RunPipelineOperation(parts_, admitted, message, *call_);
    if (admitted.ok() && is_done) call_->KeepPlace(parts_.inflight);
    if (admitted.ok() && !is_done) parts_.inflight->Leave();
    if (is_done) return;
    v1::PipelineRequest request;
    if (!ParseMessage(message, &request)) {
      return Finish(UnreadableStatus(MethodName(Method::kPipeline)));
    }
    PipelineOwner* const owner = this;
    (new PipelineOperation(parts_, owner, std::move(request)))->Run();
  }

  void OnEnd() override { Finish(absl::OkStatus()); }
  void OnDrain() override { Finish(absl::UnavailableError(kShuttingDown)); }

 private:
  void OnAnswered(PipelineOperation* operation) override {
    const std::unique_ptr<PipelineOperation> answered(operation);
    SendMessage(answered->response(), *call_);
    if (answered->TakePlace()) call_->KeepPlace(parts_.inflight);
  }

  void Finish(const absl::Status& status) {
    end_code_ = status.code();
    call_->Finish(status);
  }

  const ServiceParts& parts_;
  RpcCall* const call_;
  const std::chrono::steady_clock::time_point started_;
  absl::StatusCode end_code_ = absl::StatusCode::kCancelled;
};

}  // namespace

std::unique_ptr<StreamingCall> PipelineMethod::Open(RpcCall& call) {
  return std::make_unique<PipelineCall>(parts_, &call);
}

}  // namespace larder::server
