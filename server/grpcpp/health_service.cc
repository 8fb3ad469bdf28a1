#include <algorithm>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "server/grpcpp/services.h"
#include "server/grpcpp/status_conversion.h"
#include "server/grpcpp/stream_registry.h"
#include "server/transport/front_end.h"
#include "storage/mutex.h"

namespace larder::server {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// A Watch call. A node is ready before it takes connections and stays so until it shuts down, so
// there are two states to send. Deletes itself.
class HealthWatch final : public grpc::ServerWriteReactor<HealthCheckResponse>,
                          private DrainableStream {
 public:
  HealthWatch(StreamRegistry* streams, Readiness* readiness, bool is_known)
      : streams_(streams), readiness_(readiness), is_known_(is_known) {}

  void Begin() {
    // Before the state is read, so that no change is missed.
    listener_ = readiness_->Listen([this] { OnReadiness(); });
    {
      storage::MutexLock lock(mutex_);
      Advance();
    }
    streams_->Add(this);
  }

  void OnWriteDone(bool ok) override {
    storage::MutexLock lock(mutex_);
    is_writing_ = false;
    if (!ok) is_cancelled_ = true;
    Advance();
  }

  void OnCancel() override {
    storage::MutexLock lock(mutex_);
    is_cancelled_ = true;
    Advance();
  }

  void OnDone() override {
    readiness_->Forget(listener_);
    streams_->Remove(this);
    delete this;
  }

 private:
  void BeginDrain() override {
    storage::MutexLock lock(mutex_);
    is_draining_ = true;
    Advance();
  }

  void OnReadiness() {
    storage::MutexLock lock(mutex_);
    Advance();
  }

  HealthCheckResponse::ServingStatus Status() const {
    if (!is_known_) return HealthCheckResponse::SERVICE_UNKNOWN;
    return readiness_->is_ready() ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
  }

  void Write(HealthCheckResponse::ServingStatus status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    response_.set_status(status);
    is_writing_ = true;
    StartWrite(&response_);
  }

  void Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (is_writing_ || is_finished_) return;
    const HealthCheckResponse::ServingStatus status = Status();
    if (!is_cancelled_ && response_.status() != status) return Write(status);
    if (!is_draining_ && !is_cancelled_) return;
    is_finished_ = true;
    Finish(ToGrpcStatus(absl::UnavailableError(kShuttingDown)));
  }

  StreamRegistry* const streams_;
  Readiness* const readiness_;
  const bool is_known_;
  uint64_t listener_ = 0;
  storage::Mutex mutex_;
  HealthCheckResponse response_;  // gRPC's while is_writing_
  bool is_writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_finished_ ABSL_GUARDED_BY(mutex_) = false;
};

class HealthService final : public grpc::health::v1::Health::CallbackService {
 public:
  HealthService(const ServiceParts& parts, StreamRegistry* streams, const DescriptorIndex* index)
      : parts_(parts), streams_(streams), index_(index) {}

  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context,
                                  const HealthCheckRequest* request,
                                  HealthCheckResponse* response) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    if (IsKnown(request->service())) {
      response->set_status(Status());
      reactor->Finish(grpc::Status::OK);
    } else {
      reactor->Finish(ToGrpcStatus(absl::NotFoundError("Check: no such service")));
    }
    return reactor;
  }

  grpc::ServerWriteReactor<HealthCheckResponse>* Watch(grpc::CallbackServerContext*,
                                                       const HealthCheckRequest* request) override {
    auto* const watch = new HealthWatch(streams_, parts_.readiness, IsKnown(request->service()));
    watch->Begin();
    return watch;
  }

 private:
  bool IsKnown(const std::string& service) const {
    const auto& services = index_->services();
    return service.empty() ||
           std::find(services.begin(), services.end(), service) != services.end();
  }

  HealthCheckResponse::ServingStatus Status() const {
    return parts_.readiness->is_ready() ? HealthCheckResponse::SERVING
                                        : HealthCheckResponse::NOT_SERVING;
  }

  const ServiceParts parts_;
  StreamRegistry* const streams_;
  const DescriptorIndex* const index_;
};

}  // namespace

std::unique_ptr<grpc::Service> CreateHealthService(const ServiceParts& parts,
                                                   StreamRegistry* streams,
                                                   const DescriptorIndex* index) {
  return std::make_unique<HealthService>(parts, streams, index);
}

}  // namespace larder::server
