#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "server/grpcpp/services.h"
#include "server/grpcpp/status_conversion.h"
#include "server/grpcpp/stream_registry.h"
#include "server/reflection/reflection_answer.h"
#include "server/transport/front_end.h"
#include "storage/mutex.h"

namespace larder::server {
namespace {

// Reads a request, answers it, reads the next. Deletes itself.
template <typename Request, typename Response>
class ReflectionStream final : public grpc::ServerBidiReactor<Request, Response>,
                               private DrainableStream {
 public:
  ReflectionStream(StreamRegistry* streams, const DescriptorIndex* index)
      : streams_(streams), index_(index) {}

  void Begin() {
    this->StartRead(&request_);
    streams_->Add(this);
  }

  void OnReadDone(bool ok) override {
    storage::MutexLock lock(mutex_);
    if (is_finished_) return;
    if (!ok) return End(absl::OkStatus());
    response_.Clear();
    AnswerReflection(*index_, request_, &response_);
    is_writing_ = true;
    this->StartWrite(&response_);
  }

  void OnWriteDone(bool ok) override {
    storage::MutexLock lock(mutex_);
    is_writing_ = false;
    if (!ok || is_draining_) return End(absl::UnavailableError(kShuttingDown));
    this->StartRead(&request_);
  }

  void OnDone() override {
    streams_->Remove(this);
    delete this;
  }

 private:
  void BeginDrain() override {
    storage::MutexLock lock(mutex_);
    is_draining_ = true;
    if (!is_writing_ && !is_finished_) End(absl::UnavailableError(kShuttingDown));
  }

  void End(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    is_finished_ = true;
    this->Finish(ToGrpcStatus(status));
  }

  StreamRegistry* const streams_;
  const DescriptorIndex* const index_;
  storage::Mutex mutex_;
  Request request_;
  Response response_;
  bool is_writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_finished_ ABSL_GUARDED_BY(mutex_) = false;
};

template <typename Base, typename Request, typename Response>
class ReflectionService final : public Base {
 public:
  ReflectionService(StreamRegistry* streams, const DescriptorIndex* index)
      : streams_(streams), index_(index) {}

  grpc::ServerBidiReactor<Request, Response>* ServerReflectionInfo(
      grpc::CallbackServerContext*) override {
    auto* const stream = new ReflectionStream<Request, Response>(streams_, index_);
    stream->Begin();
    return stream;
  }

 private:
  StreamRegistry* const streams_;
  const DescriptorIndex* const index_;
};

}  // namespace

std::unique_ptr<grpc::Service> CreateReflectionV1Service(StreamRegistry* streams,
                                                         const DescriptorIndex* index) {
  namespace reflection = grpc::reflection::v1;
  return std::make_unique<
      ReflectionService<reflection::ServerReflection::CallbackService,
                        reflection::ServerReflectionRequest, reflection::ServerReflectionResponse>>(
      streams, index);
}

std::unique_ptr<grpc::Service> CreateReflectionV1AlphaService(StreamRegistry* streams,
                                                              const DescriptorIndex* index) {
  namespace reflection = grpc::reflection::v1alpha;
  return std::make_unique<
      ReflectionService<reflection::ServerReflection::CallbackService,
                        reflection::ServerReflectionRequest, reflection::ServerReflectionResponse>>(
      streams, index);
}

}  // namespace larder::server
