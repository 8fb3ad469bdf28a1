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

// A Watch call. A node is ready before it takes connections and stays so until it drains, so there
// are two states to send. Deletes itself.
class HealthWatch final : public grpc::ServerWriteReactor<HealthCheckResponse>,
                          private DrainableStream {
 public:
  HealthWatch(StreamRegistry* streams, bool is_known) : streams_(streams), is_known_(is_known) {}

  void Begin(HealthCheckResponse::ServingStatus status) {
    {
      storage::MutexLock lock(mutex_);
      Write(status);
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
    streams_->Remove(this);
    delete this;
  }

 private:
  void BeginDrain() override {
    storage::MutexLock lock(mutex_);
    is_draining_ = true;
    Advance();
  }

  void Write(HealthCheckResponse::ServingStatus status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    response_.set_status(status);
    is_writing_ = true;
    StartWrite(&response_);
  }

  void Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (is_writing_ || is_finished_) return;
    if (is_draining_ && is_known_ && !is_cancelled_ &&
        response_.status() != HealthCheckResponse::NOT_SERVING) {
      return Write(HealthCheckResponse::NOT_SERVING);
    }
    if (!is_draining_ && !is_cancelled_) return;
    is_finished_ = true;
    Finish(ToGrpcStatus(absl::UnavailableError(kShuttingDown)));
  }

  StreamRegistry* const streams_;
  const bool is_known_;
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
    const bool is_known = IsKnown(request->service());
    auto* const watch = new HealthWatch(streams_, is_known);
    watch->Begin(is_known ? Status() : HealthCheckResponse::SERVICE_UNKNOWN);
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
