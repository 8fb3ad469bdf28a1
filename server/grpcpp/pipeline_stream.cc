#include "server/grpcpp/pipeline_stream.h"

#include <grpcpp/support/server_callback.h>

#include <chrono>
#include <deque>
#include <memory>
#include <utility>
#include <variant>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "server/grpcpp/operation.h"
#include "server/grpcpp/status_conversion.h"
#include "server/grpcpp/stream_registry.h"
#include "storage/mutex.h"

namespace larder::server {
namespace {

class PipelineOperation;

// Told that an operation has its response.
class PipelineOwner {
 public:
  virtual void OnAnswered(PipelineOperation* operation) = 0;

 protected:
  ~PipelineOwner() = default;
};

// One operation of a stream with its request, its reply and its response. Leaves the in-flight
// limit when it is destroyed, after its answer was sent.
class PipelineOperation final : private Completion {
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

  // The owner may hear of the answer, and drop the operation, before it returns.
  void Run() {
    const absl::Status admitted = parts_.inflight->Enter();
    is_in_flight_ = admitted.ok();
    if (!is_in_flight_) return Done(admitted);
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
    owner_->OnAnswered(this);
  }

  template <typename... Requests>
  using Replies = std::variant<std::monostate, typename Operation<Requests>::Reply...>;

  const ServiceParts& parts_;
  PipelineOwner* const owner_;
  const std::chrono::steady_clock::time_point started_;
  v1::PipelineRequest request_;  // empty once there is an answer
  v1::PipelineResponse response_;
  Method method_ = Method::kPipeline;  // until the operation is known
  bool is_in_flight_ = false;
  Replies<v1::GetRequest, v1::SetRequest, v1::DeleteRequest, v1::LeaseRequest, v1::TouchRequest,
          v1::IncrementRequest, v1::AppendRequest, v1::MultiGetRequest, v1::MultiSetRequest,
          v1::MultiDeleteRequest>
      reply_;
};

// Reads, runs and answers operations. gRPC calls the reactions one read and one write at a time,
// but reads and writes in parallel; answers may come from any thread. gRPC's functions are called
// under the lock: their reactions run on gRPC's own threads, never inside the call.
class PipelineStream final
    : public grpc::ServerBidiReactor<v1::PipelineRequest, v1::PipelineResponse>,
      private PipelineOwner,
      private DrainableStream {
 public:
  explicit PipelineStream(const ServiceParts& parts)
      : parts_(parts), started_(std::chrono::steady_clock::now()) {}

  void Begin() {
    parts_.streams->Add(this);
    storage::MutexLock lock(mutex_);
    Advance();
  }

  void OnReadDone(bool ok) override {
    std::unique_ptr<PipelineOperation> operation;
    {
      storage::MutexLock lock(mutex_);
      is_reading_ = false;
      if (!ok) end_of_requests_ = true;
      // What is read after the end was sent is not run; the client is told to try elsewhere.
      if (!ok || is_finished_ || is_draining_) return Advance();
      PipelineOwner* const owner = this;
      operation = std::make_unique<PipelineOperation>(parts_, owner, std::move(read_));
      ++operations_;
    }
    operation.release()->Run();
    storage::MutexLock lock(mutex_);
    Advance();
  }

  void OnWriteDone(bool ok) override {
    std::deque<std::unique_ptr<PipelineOperation>> dropped;
    storage::MutexLock lock(mutex_);
    is_writing_ = false;
    dropped.push_back(std::move(answered_.front()));
    answered_.pop_front();
    if (!ok) is_broken_ = true;
    if (is_broken_) {
      while (!answered_.empty()) {
        dropped.push_back(std::move(answered_.front()));
        answered_.pop_front();
      }
    }
    operations_ -= dropped.size();
    Advance();
  }

  void OnDone() override {
    parts_.streams->Remove(this);
    parts_.metrics->Record(Method::kPipeline, end_code_,
                           absl::FromChrono(std::chrono::steady_clock::now() - started_));
    delete this;
  }

 private:
  void OnAnswered(PipelineOperation* operation) override {
    std::unique_ptr<PipelineOperation> answered(operation);
    storage::MutexLock lock(mutex_);
    if (is_broken_) {
      --operations_;
    } else {
      answered_.push_back(std::move(answered));
    }
    Advance();
  }

  void BeginDrain() override {
    storage::MutexLock lock(mutex_);
    is_draining_ = true;
    Advance();
  }

  // Starts whatever can be started now.
  void Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (is_finished_) return;
    if (!is_writing_ && !answered_.empty()) {
      is_writing_ = true;
      StartWrite(&answered_.front()->response());
    }
    const bool reads_more = !end_of_requests_ && !is_draining_ && !is_broken_;
    if (reads_more && !is_reading_ && operations_ < kPipelineOperationsMax) {
      is_reading_ = true;
      StartRead(&read_);
    }
    if (reads_more || operations_ != 0) return;
    // A read that is still open ends with the stream.
    is_finished_ = true;
    const bool is_cut_short = is_draining_ && !end_of_requests_;
    const absl::Status end =
        is_cut_short ? absl::UnavailableError(kShuttingDown) : absl::OkStatus();
    end_code_ = is_broken_ ? absl::StatusCode::kCancelled : end.code();
    Finish(ToGrpcStatus(end));
  }

  const ServiceParts& parts_;
  const std::chrono::steady_clock::time_point started_;
  absl::StatusCode end_code_ = absl::StatusCode::kOk;  // written before Finish, read in OnDone
  storage::Mutex mutex_;
  v1::PipelineRequest read_;  // gRPC's while is_reading_
  bool is_reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool end_of_requests_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_broken_ ABSL_GUARDED_BY(mutex_) = false;  // the client is gone
  bool is_finished_ ABSL_GUARDED_BY(mutex_) = false;
  size_t operations_ ABSL_GUARDED_BY(mutex_) = 0;  // read, and not yet sent or dropped
  std::deque<std::unique_ptr<PipelineOperation>> answered_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

grpc::ServerBidiReactor<v1::PipelineRequest, v1::PipelineResponse>* StartPipelineStream(
    const ServiceParts& parts) {
  auto* const stream = new PipelineStream(parts);
  stream->Begin();
  return stream;
}

}  // namespace larder::server
