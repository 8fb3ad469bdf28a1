#ifndef LARDER_SERVER_MESSAGES_PIPELINE_OPERATION_H_
#define LARDER_SERVER_MESSAGES_PIPELINE_OPERATION_H_

#include <chrono>
#include <utility>
#include <variant>

#include "absl/time/time.h"
#include "server/messages/operation.h"

namespace larder::server {

// Operations of a Pipeline that are read and not yet answered, the answers that wait to be sent
// among them: at this many the stream is not read, so that a client which does not read its answers
// costs no more memory than that.
inline constexpr size_t kPipelineOperationsMax = 128;

class PipelineOperation;

// Told that an operation has its response.
class PipelineOwner {
 public:
  virtual void OnAnswered(PipelineOperation* operation) = 0;
  // The answer of one of its operations comes later, from any thread. Returns who is to be told.
  virtual PipelineOwner* OnKeptOpen() = 0;
  // What Completion::Pause says.
  virtual bool Pause(PausedOperation& /*operation*/) { return false; }

 protected:
  ~PipelineOwner() = default;
};

// One operation of a Pipeline with its request, its reply and its response. Leaves the in-flight
// limit when it is destroyed, after its answer was sent.
class PipelineOperation final : private Completion, private PausedOperation {
 public:
  PipelineOperation(const ServiceParts& parts, PipelineOwner* owner, v1::PipelineRequest request)
      : parts_(parts),
        owner_(owner),
        started_(std::chrono::steady_clock::now()),
        request_(std::move(request)) {
    response_.set_id(request_.id());
  }

  ~PipelineOperation() {
    if (is_in_flight_) parts_.inflight->Leave();
  }

  // The owner may hear of the answer, and drop the operation, before it returns. `refusal`: why it
  // is not to be done, if it is not.
  void Run(const absl::Status& refusal = absl::OkStatus()) {
    const absl::Status admitted = parts_.inflight->Enter();
    is_in_flight_ = admitted.ok();
    if (!is_in_flight_) return Done(admitted);
    if (!refusal.ok()) return Done(refusal);
    switch (request_.operation_case()) {
      case v1::PipelineRequest::kGet:
        return Start(request_.get(), response_.mutable_get());
      case v1::PipelineRequest::kSet:
        return Start(request_.set(), response_.mutable_set());
      case v1::PipelineRequest::kDelete:
        return Start(request_.delete_(), response_.mutable_delete_());
      case v1::PipelineRequest::kLease:
        return Start(request_.lease(), response_.mutable_lease());
      case v1::PipelineRequest::kTouch:
        return Start(request_.touch(), response_.mutable_touch());
      case v1::PipelineRequest::kIncrement:
        return Start(request_.increment(), response_.mutable_increment());
      case v1::PipelineRequest::kAppend:
        return Start(request_.append(), response_.mutable_append());
      case v1::PipelineRequest::kMultiGet:
        return Start(request_.multi_get(), response_.mutable_multi_get());
      case v1::PipelineRequest::kMultiSet:
        return Start(request_.multi_set(), response_.mutable_multi_set());
      case v1::PipelineRequest::kMultiDelete:
        return Start(request_.multi_delete(), response_.mutable_multi_delete());
      case v1::PipelineRequest::OPERATION_NOT_SET:
        return Done(absl::InvalidArgumentError(
            "Pipeline: operation is missing, or one that this node does not know"));
    }
  }

  const v1::PipelineResponse& response() const { return response_; }

  // Whether it has a place in the limit, which is the caller's from now on.
  bool TakePlace() { return std::exchange(is_in_flight_, false); }

 private:
  template <typename Request, typename Response>
  void Start(const Request& request, Response* response) {
    using Op = Operation<Request>;
    method_ = Op::kMethod;
    auto& reply = reply_.emplace<typename Op::Reply>(response, static_cast<Completion*>(this));
    Op::Run(parts_, request, reply);
  }

  void Done(const absl::Status& status) override {
    if (!status.ok()) FillItemError(status, response_.mutable_error());
    v1::PipelineRequest().Swap(&request_);  // its memory need not wait until the answer is sent
    parts_.metrics->Record(method_, status.code(),
                           absl::FromChrono(std::chrono::steady_clock::now() - started_));
    if (owner_ != nullptr) {
      owner_->OnAnswered(this);
    } else {
      delete this;
    }
  }

  void KeepOpen() override {
    owner_ = owner_->OnKeptOpen();
    is_kept_open_ = true;
  }

  bool Pause(PausedOperation& items) override {
    paused_ = &items;
    return owner_->Pause(*this);
  }
  void GoOn() override { paused_->GoOn(); }
  size_t bytes_held() const override { return paused_->bytes_held(); }
  void GiveUp() override {
    if (!is_kept_open_) owner_ = nullptr;  // it has ended, too
    paused_->GiveUp();
  }

  template <typename... Requests>
  using Replies = std::variant<std::monostate, typename Operation<Requests>::Reply...>;

  const ServiceParts parts_;
  PipelineOwner* owner_;  // nullptr: it has ended
  const std::chrono::steady_clock::time_point started_;
  v1::PipelineRequest request_;  // empty once there is an answer
  v1::PipelineResponse response_;
  Method method_ = Method::kPipeline;  // until the operation is known
  bool is_in_flight_ = false;
  bool is_kept_open_ = false;
  PausedOperation* paused_ = nullptr;
  Replies<v1::GetRequest, v1::SetRequest, v1::DeleteRequest, v1::LeaseRequest, v1::TouchRequest,
          v1::IncrementRequest, v1::AppendRequest, v1::MultiGetRequest, v1::MultiSetRequest,
          v1::MultiDeleteRequest>
      reply_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_MESSAGES_PIPELINE_OPERATION_H_
