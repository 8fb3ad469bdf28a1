#include <algorithm>
#include <string>

#include "grpc/health/v1/health.pb.h"
#include "server/rpc/services/message_method.h"
#include "server/rpc/services/rpc_services.h"
#include "server/transport/front_end.h"

namespace larder::server {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

struct HealthParts {
  const Readiness* readiness;
  const DescriptorIndex* index;

  bool IsKnown(const std::string& service) const {
    const auto& services = index->services();
    return service.empty() ||
           std::find(services.begin(), services.end(), service) != services.end();
  }
  HealthCheckResponse::ServingStatus Status() const {
    return readiness->is_ready() ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
  }
};

void Send(HealthCheckResponse::ServingStatus status, RpcCall& call) {
  HealthCheckResponse response;
  response.set_status(status);
  SendMessage(response, call);
}

class HealthCheck final : public UnaryMethod {
 public:
  explicit HealthCheck(const HealthParts& parts) : parts_(parts) {}

  void Run(std::string_view bytes, RpcCall& call) override {
    HealthCheckRequest request;
    if (const ReadOutcome outcome = ReadMessage(bytes, {}, &request);
        outcome != ReadOutcome::kRead) {
      return call.Finish(StatusOf(outcome, "Check", {}));
    }
    if (!parts_.IsKnown(request.service())) {
      return call.Finish(absl::NotFoundError("Check: no such service"));
    }
    Send(parts_.Status(), call);
    call.Finish(absl::OkStatus());
  }

 private:
  const HealthParts parts_;
};

// A node is ready before it takes connections and stays so until it drains, so there are two states
// to send.
class HealthWatchCall final : public StreamingCall {
 public:
  HealthWatchCall(const HealthParts& parts, RpcCall* call) : parts_(parts), call_(call) {}

  void OnMessage(std::string_view bytes) override {
    if (has_request_) return call_->Finish(UnreadableStatus("Watch"));
    HealthCheckRequest request;
    if (const ReadOutcome outcome = ReadMessage(bytes, {}, &request);
        outcome != ReadOutcome::kRead) {
      return call_->Finish(StatusOf(outcome, "Watch", {}));
    }
    has_request_ = true;
    is_known_ = parts_.IsKnown(request.service());
    Send(is_known_ ? parts_.Status() : HealthCheckResponse::SERVICE_UNKNOWN, *call_);
  }

  void OnEnd() override {
    if (!has_request_) call_->Finish(UnreadableStatus("Watch"));
  }

  void OnDrain() override {
    if (has_request_ && is_known_) Send(HealthCheckResponse::NOT_SERVING, *call_);
    call_->Finish(absl::UnavailableError(kShuttingDown));
  }

 private:
  const HealthParts parts_;
  RpcCall* const call_;
  bool has_request_ = false;
  bool is_known_ = false;
};

class HealthWatch final : public StreamingMethod {
 public:
  explicit HealthWatch(const HealthParts& parts) : parts_(parts) {}
  std::unique_ptr<StreamingCall> Open(RpcCall& call) override {
    return std::make_unique<HealthWatchCall>(parts_, &call);
  }

 private:
  const HealthParts parts_;
};

}  // namespace

void AddHealthMethods(const ServiceParts& parts, const DescriptorIndex* index,
                      RpcMethods& methods) {
  const HealthParts health{parts.readiness, index};
  methods.Add("/grpc.health.v1.Health/Check", std::make_unique<HealthCheck>(health));
  methods.Add("/grpc.health.v1.Health/Watch", std::make_unique<HealthWatch>(health));
}

}  // namespace larder::server
