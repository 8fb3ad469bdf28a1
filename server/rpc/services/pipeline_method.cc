#include "server/rpc/services/pipeline_method.h"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "server/messages/pipeline_operation.h"
#include "server/rpc/services/message_method.h"
#include "server/rpc/services/pipeline_forwarding.h"
#include "server/rpc/services/routed_request.h"
#include "server/rpc/services/wire_methods.h"
#include "server/transport/front_end.h"

namespace larder::server {
namespace {

class PipelineCall final : public StreamingCall, private PipelineOwner, private OpenOperations {
 public:
  PipelineCall(const ServiceParts& parts, Forwarder* forwarder, RpcCall* call)
      : parts_(parts), call_(call), started_(std::chrono::steady_clock::now()) {
    if (forwarder == nullptr) return;
    OpenOperations* const operations = this;
    forwarding_.emplace(parts, forwarder, call, operations);
    if (call->routing() == RoutingWish::kRedirect) TellTopology(forwarder->routing(), *call);
  }

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
    if (end_.has_value()) return;  // what comes during a drain is not begun
    if (forwarding_.has_value()) {
      using Taken = PipelineForwarding::Taken;
      const Taken taken = forwarding_->Take(operation);
      if (taken == Taken::kTaken) [[unlikely]]
        return;
      if (taken == Taken::kUnknown) [[unlikely]]
        return RunByMessage(message, operation.id);
    }
    const absl::Status admitted = parts_.inflight->Enter();
    const auto outcome = RunPipelineOperation(parts_, admitted, operation, *call_, this);
    if (outcome.has_value()) {
      if (outcome->is_open) return;
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
  // Both wait for what is open.
  void OnEnd() override { End(absl::OkStatus()); }
  void OnDrain() override { End(absl::UnavailableError(kShuttingDown)); }
  void OnFailed(absl::StatusCode code) override { end_code_ = code; }

 private:
  void RunByMessage(std::string_view message, uint64_t id) {
    const ItemsBound items = MultiKeyItems(parts_.cache->limits());
    v1::PipelineRequest request;
    const ReadOutcome outcome = ReadMessage(message, items, &request);
    if (outcome == ReadOutcome::kRead) {
      // Also of one that was found to be here: what protobuf reads is what is run.
      if (forwarding_.has_value() && forwarding_->TakeMessage(request)) [[unlikely]]
        return;
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
    Answer(std::unique_ptr<PipelineOperation>(operation));
  }
  PipelineOwner* OnKeptOpen() override {
    OnLeftOpen();
    return new LaterOwner(*call_, this);
  }
  bool Pause(PausedOperation& operation) override {
    if (!call_->IsTurnOver()) return false;
    OnLeftOpen();
    call_->Pause(std::make_unique<Rest>(&operation, this));
    return true;
  }

  void Answer(std::unique_ptr<PipelineOperation> answered) {
    SendMessage(answered->response(), *call_);
    if (answered->TakePlace()) call_->KeepPlace(parts_.inflight);
    call_->TellTime(std::chrono::steady_clock::now());
  }

  // Brings the answer of an operation that was left open back to the call.
  class LaterOwner final : public PipelineOwner {
   public:
    LaterOwner(RpcCall& call, PipelineCall* pipeline)
        : ticket_(call.Defer()), pipeline_(pipeline) {}

    void OnAnswered(PipelineOperation* operation) override {
      ticket_.Complete(std::make_unique<Letter>(operation, pipeline_));
      delete this;
    }
    PipelineOwner* OnKeptOpen() override { return this; }
    bool Pause(PausedOperation& operation) override { return pipeline_->Pause(operation); }

   private:
    class Letter final : public CallCompletion {
     public:
      Letter(PipelineOperation* operation, PipelineCall* pipeline)
          : operation_(operation), pipeline_(pipeline) {}
      void Run(RpcCall&) override {
        pipeline_->Answer(std::move(operation_));
        pipeline_->OnAnsweredLater();
      }

     private:
      std::unique_ptr<PipelineOperation> operation_;
      PipelineCall* const pipeline_;  // goes with the call
    };

    CallTicket ticket_;
    PipelineCall* const pipeline_;
  };

  // Goes on with an operation that was paused.
  class Rest final : public CallCompletion {
   public:
    Rest(PausedOperation* operation, PipelineCall* pipeline)
        : operation_(operation), pipeline_(pipeline) {}
    void Run(RpcCall& call) override {
      operation_.Run(call);
      pipeline_->OnAnsweredLater();
    }
    size_t bytes_held() const override { return operation_.bytes_held(); }

   private:
    PausedCompletion operation_;
    PipelineCall* const pipeline_;  // goes with the call
  };

  void OnLeftOpen() override { ++open_; }
  void OnAnsweredLater() override {
    --open_;
    if (end_.has_value() && open_ == 0) Finish(*end_);
  }

  void End(const absl::Status& status) {
    if (end_.has_value()) return;  // a drain, after the client's end
    end_ = status;
    if (open_ == 0) Finish(status);
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
  size_t open_ = 0;                  // operations that are answered later
  std::optional<absl::Status> end_;  // sent when none is open
  std::optional<PipelineForwarding> forwarding_;
  uint64_t outcomes_ = 0;  // that were `outcome_`, and are not counted yet
};

}  // namespace

std::unique_ptr<StreamingCall> PipelineMethod::Open(RpcCall& call) {
  return std::make_unique<PipelineCall>(parts_, forwarder_, &call);
}

}  // namespace larder::server
