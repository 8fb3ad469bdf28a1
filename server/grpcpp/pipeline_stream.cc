#include "server/grpcpp/pipeline_stream.h"

#include <grpcpp/support/server_callback.h>

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "server/grpcpp/elsewhere.h"
#include "server/grpcpp/status_conversion.h"
#include "server/grpcpp/stream_registry.h"
#include "server/messages/pipeline_operation.h"
#include "server/transport/front_end.h"
#include "storage/mutex.h"

namespace larder::server {
namespace {

// Reads, runs and answers operations. gRPC calls the reactions one read and one write at a time,
// but reads and writes in parallel; answers may come from any thread. Reads and writes are started
// under the lock: their reactions run on gRPC's own threads, never inside the call.
class PipelineStream final
    : public grpc::ServerBidiReactor<v1::PipelineRequest, v1::PipelineResponse>,
      private PipelineOwner,
      private DrainableStream {
 public:
  PipelineStream(const ServiceParts& parts, StreamRegistry* streams)
      : parts_(parts), streams_(streams), started_(std::chrono::steady_clock::now()) {}

  void Begin() {
    streams_->Add(this);
    std::optional<grpc::Status> end;
    {
      storage::MutexLock lock(mutex_);
      end = Advance();
    }
    if (end.has_value()) Finish(*end);
  }

  void OnReadDone(bool ok) override {
    std::optional<grpc::Status> end;
    std::unique_ptr<PipelineOperation> operation;
    absl::Status here;
    {
      storage::MutexLock lock(mutex_);
      is_reading_ = false;
      if (!ok) end_of_requests_ = true;
      // What is read after the end was sent is not run; the client is told to try elsewhere.
      if (!ok || is_finished_ || is_draining_) {
        end = Advance();
      } else {
        PipelineOwner* const owner = this;
        here = CheckIsHere(parts_, read_);
        operation = std::make_unique<PipelineOperation>(parts_, owner, std::move(read_));
        ++operations_;
      }
    }
    if (operation != nullptr) {
      operation.release()->Run(here);
      storage::MutexLock lock(mutex_);
      end = Advance();
    }
    if (end.has_value()) Finish(*end);
  }

  void OnWriteDone(bool ok) override {
    std::optional<grpc::Status> end;
    std::deque<std::unique_ptr<PipelineOperation>> dropped;
    {
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
      end = Advance();
    }
    if (end.has_value()) Finish(*end);
  }

  void OnDone() override {
    streams_->Remove(this);
    parts_.metrics->Record(Method::kPipeline, end_code_,
                           absl::FromChrono(std::chrono::steady_clock::now() - started_));
    delete this;
  }

 private:
  void OnAnswered(PipelineOperation* operation) override {
    std::unique_ptr<PipelineOperation> answered(operation);
    std::optional<grpc::Status> end;
    {
      storage::MutexLock lock(mutex_);
      if (is_broken_) {
        --operations_;
      } else {
        answered_.push_back(std::move(answered));
      }
      end = Advance();
    }
    if (end.has_value()) Finish(*end);
  }

  // It stays while an operation is not answered.
  PipelineOwner* OnKeptOpen() override { return this; }

  void BeginDrain() override {
    std::optional<grpc::Status> end;
    {
      storage::MutexLock lock(mutex_);
      is_draining_ = true;
      end = Advance();
    }
    if (end.has_value()) Finish(*end);
  }

  // Starts whatever can be started now. Returns the status to finish with if that is the end: the
  // caller, and nobody else, finishes then, last and without the lock. If there is none, and an
  // answer or a drain has called, the stream may be gone once the lock is released.
  std::optional<grpc::Status> Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (is_finished_) return std::nullopt;
    if (!is_writing_ && !answered_.empty()) {
      is_writing_ = true;
      StartWrite(&answered_.front()->response());
    }
    const bool reads_more = !end_of_requests_ && !is_draining_ && !is_broken_;
    if (reads_more && !is_reading_ && operations_ < kPipelineOperationsMax) {
      is_reading_ = true;
      StartRead(&read_);
    }
    if (reads_more || operations_ != 0) return std::nullopt;
    // A read that is still open ends with the stream.
    is_finished_ = true;
    const bool is_cut_short = is_draining_ && !end_of_requests_;
    const absl::Status end =
        is_cut_short ? absl::UnavailableError(kShuttingDown) : absl::OkStatus();
    end_code_ = is_broken_ ? absl::StatusCode::kCancelled : end.code();
    return ToGrpcStatus(end);
  }

  const ServiceParts& parts_;
  StreamRegistry* const streams_;
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
    const ServiceParts& parts, StreamRegistry* streams) {
  auto* const stream = new PipelineStream(parts, streams);
  stream->Begin();
  return stream;
}

}  // namespace larder::server
