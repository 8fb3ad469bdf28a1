#include "server/rpc/services/pipeline_method.h"

#include <chrono>
#include <deque>
#include <string>
#include <utility>
#include <vector>

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
    LeavePlaces();
    parts_.metrics->Record(Method::kPipeline, end_code_,
                           absl::FromChrono(std::chrono::steady_clock::now() - started_));
  }

  void OnMessage(std::string_view message) override {
    if (is_draining_) return;  // the client is told to try elsewhere
    if (call_->is_congested()) {
      call_->HoldRequests();
      waiting_.emplace_back(message);
    } else {
      Run(message);
    }
  }

  void OnEnd() override {
    has_ended_ = true;
    FinishIfDone();
  }

  void OnWritable() override {
    LeavePlaces();
    unsent_.clear();
    while (!waiting_.empty() && !call_->is_congested()) {
      const std::string message = std::move(waiting_.front());
      waiting_.pop_front();
      if (!Run(message)) return;
    }
    if (waiting_.empty() && !call_->is_congested()) call_->ReleaseRequests();
    FinishIfDone();
  }

  void OnDrain() override {
    is_draining_ = true;
    FinishIfDone();
  }

 private:
  // False: the call is over.
  bool Run(std::string_view message) {
    const absl::Status admitted = parts_.inflight->Enter();
    if (admitted.ok()) ++places_;
    const bool is_done = RunPipelineOperation(parts_, admitted, message, *call_);
    // It keeps its place in the limit while the client does not read.
    if (!is_done || !call_->is_congested()) LeavePlaces();
    return is_done || RunByMessages(message);
  }

  bool RunByMessages(std::string_view message) {
    v1::PipelineRequest request;
    if (!ParseMessage(message, &request)) {
      Finish(UnreadableStatus(MethodName(Method::kPipeline)));
      return false;
    }
    PipelineOwner* const owner = this;
    (new PipelineOperation(parts_, owner, std::move(request)))->Run();
    return true;
  }

  void OnAnswered(PipelineOperation* operation) override {
    std::unique_ptr<PipelineOperation> answered(operation);
    SendMessage(answered->response(), *call_);
    if (call_->is_congested()) unsent_.push_back(std::move(answered));
  }

  void LeavePlaces() {
    for (; places_ > 0; --places_) parts_.inflight->Leave();
  }

  void FinishIfDone() {
    if (!waiting_.empty() || (!has_ended_ && !is_draining_)) return;
    Finish(has_ended_ ? absl::OkStatus() : absl::UnavailableError(kShuttingDown));
  }

  void Finish(const absl::Status& status) {
    end_code_ = status.code();
    call_->Finish(status);
  }

  const ServiceParts& parts_;
  RpcCall* const call_;
  const std::chrono::steady_clock::time_point started_;
  std::deque<std::string> waiting_;
  // Operations whose answers the client does not read, and the places of those without an object.
  std::vector<std::unique_ptr<PipelineOperation>> unsent_;
  int places_ = 0;
  bool has_ended_ = false;
  bool is_draining_ = false;
  absl::StatusCode end_code_ = absl::StatusCode::kCancelled;
};

}  // namespace

std::unique_ptr<StreamingCall> PipelineMethod::Open(RpcCall& call) {
  return std::make_unique<PipelineCall>(parts_, &call);
}

}  // namespace larder::server
