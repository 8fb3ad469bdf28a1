#include "server/rpc/services/pipeline_method.h"

#include <chrono>
#include <utility>
#include <vector>

#include "server/messages/pipeline_operation.h"
#include "server/rpc/services/message_method.h"
#include "server/rpc/services/wire_methods.h"
#include "server/transport/front_end.h"

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

  void OnComing(absl::Span<const std::string_view> messages) override {
    coming_.assign(messages.size(), {});
    next_ = 0;
    keys_.clear();
    for (size_t i = 0; i < messages.size(); ++i) {
      if (ReadPipelineRequest(messages[i], coming_[i]) != ReadOutcome::kRead) {
        coming_[i] = {.id = coming_[i].id};
      }
      keys_.push_back(PeekKey(coming_[i].request));
    }
    if (keys_.size() > 1) parts_.cache->Prefetch(keys_);
  }

  void OnMessage(std::string_view message) override {
    const PipelineView& operation = coming_[next_++];
    const absl::Status admitted = parts_.inflight->Enter();
    const auto outcome = RunPipelineOperation(parts_, admitted, operation, *call_);
    if (outcome.has_value()) {
      if (admitted.ok()) call_->KeepPlace(parts_.inflight);
      if (*outcome != outcome_) Count();
      outcome_ = *outcome;
      ++outcomes_;
      return;
    }
    if (admitted.ok()) parts_.inflight->Leave();
    RunByMessage(message, operation.id);
  }

  void OnPause() override { Count(); }
  void OnEnd() override { Finish(absl::OkStatus()); }
  void OnDrain() override { Finish(absl::UnavailableError(kShuttingDown)); }
  void OnFailed(absl::StatusCode code) override { end_code_ = code; }

 private:
  void RunByMessage(std::string_view message, uint64_t id) {
    const ItemsBound items = MultiKeyItems(parts_.cache->limits());
    v1::PipelineRequest request;
    const ReadOutcome outcome = ReadMessage(message, items, &request);
    if (outcome == ReadOutcome::kRead) {
      PipelineOwner* const owner = this;
      return (new PipelineOperation(parts_, owner, std::move(request)))->Run();
    }
    const absl::Status status = StatusOf(outcome, MethodName(Method::kPipeline), items);
    if (outcome == ReadOutcome::kUnreadable) return Finish(status);
    parts_.metrics->Record(Method::kPipeline, status.code(), absl::ZeroDuration());
    SendPipelineError(id, status, *call_);
  }

  // Counts the outcomes that are alike.
  void Count() {
    if (outcomes_ == 0) return;
    const auto now = std::chrono::steady_clock::now();
    parts_.metrics->Record(outcome_.method, outcome_.code,
                           absl::FromChrono(now - call_->received_at()), outcomes_);
    call_->TellTime(now);
    outcomes_ = 0;
  }

  void OnAnswered(PipelineOperation* operation) override {
    const std::unique_ptr<PipelineOperation> answered(operation);
    SendMessage(answered->response(), *call_);
    if (answered->TakePlace()) call_->KeepPlace(parts_.inflight);
    call_->TellTime(std::chrono::steady_clock::now());
  }

  void Finish(const absl::Status& status) {
    Count();
    end_code_ = status.code();
    call_->Finish(status);
  }

  const ServiceParts& parts_;
  RpcCall* const call_;
  const std::chrono::steady_clock::time_point started_;
  absl::StatusCode end_code_ = absl::StatusCode::kCancelled;
  std::vector<PipelineView> coming_;  // what was announced; no operation where it cannot be read
  size_t next_ = 0;
  std::vector<std::string_view> keys_;
  PipelineOutcome outcome_{};
  uint64_t outcomes_ = 0;  // that were `outcome_`, and are not counted yet
};

}  // namespace

std::unique_ptr<StreamingCall> PipelineMethod::Open(RpcCall& call) {
  return std::make_unique<PipelineCall>(parts_, &call);
}

}  // namespace larder::server
