#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "grpc/health/v1/health.pb.h"
#include "server/rpc/services/message_method.h"
#include "server/rpc/services/rpc_services.h"
#include "server/transport/front_end.h"

namespace larder::server {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

struct HealthParts {
  Readiness* readiness;
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

// A node is ready before it takes connections and stays so until it shuts down, so there are two
// states to send.
class HealthWatchCall final : public StreamingCall {
 public:
  HealthWatchCall(const HealthParts& parts, RpcCall* call) : parts_(parts), call_(call) {}
  ~HealthWatchCall() override {
    if (listener_ != 0) parts_.readiness->Forget(listener_);
  }

  void OnMessage(std::string_view bytes) override {
    if (has_request_) return call_->Finish(UnreadableStatus("Watch"));
    HealthCheckRequest request;
    if (const ReadOutcome outcome = ReadMessage(bytes, {}, &request);
        outcome != ReadOutcome::kRead) {
      return call_->Finish(StatusOf(outcome, "Watch", {}));
    }
    has_request_ = true;
    is_known_ = parts_.IsKnown(request.service());
    if (is_known_) {
      // Before the state is read, so that no change is missed.
      listener_ = parts_.readiness->Listen([this, ticket = call_->Defer()]() mutable {
        ticket.Complete(std::make_unique<Change>(this));
      });
      SendStatus();
    } else {
      Send(HealthCheckResponse::SERVICE_UNKNOWN, *call_);
    }
  }

  void OnEnd() override {
    if (!has_request_) call_->Finish(UnreadableStatus("Watch"));
  }

  void OnDrain() override {
    if (has_request_ && is_known_) SendStatus();
    call_->Finish(absl::UnavailableError(kShuttingDown));
  }

 private:
  // Is run only while the call is open.
  class Change final : public CallCompletion {
   public:
    explicit Change(HealthWatchCall* watch) : watch_(watch) {}
    void Run(RpcCall&) override { watch_->SendStatus(); }

   private:
    HealthWatchCall* const watch_;
  };

  // Unless the client knows.
  void SendStatus() {
    const HealthCheckResponse::ServingStatus status = parts_.Status();
    if (std::exchange(sent_, status) != status) Send(status, *call_);
  }

  const HealthParts parts_;
  RpcCall* const call_;
  uint64_t listener_ = 0;  // 0: there is none
  HealthCheckResponse::ServingStatus sent_ = HealthCheckResponse::UNKNOWN;
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
