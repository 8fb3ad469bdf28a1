#ifndef LARDER_SERVER_GRPCPP_UNARY_CALL_H_
#define LARDER_SERVER_GRPCPP_UNARY_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <chrono>
#include <string>

#include "absl/time/time.h"
#include "server/grpcpp/elsewhere.h"
#include "server/grpcpp/status_conversion.h"
#include "server/messages/operation.h"
#include "server/messages/unimplemented.h"

namespace larder::server {

// One unary call of any method: admission, the handler, metrics. Deletes itself when gRPC is done
// with it. Internal to the front end, as it includes gRPC's headers.
template <typename Request>
class UnaryCall final : public grpc::ServerUnaryReactor, private Completion {
 public:
  using Response = typename Operation<Request>::Response;

  static grpc::ServerUnaryReactor* Start(const ServiceParts& parts, const Request* request,
                                         Response* response,
                                         const grpc::CallbackServerContext* context = nullptr) {
    auto* const call = new UnaryCall(parts, response);
    if (context != nullptr) call->peer_ = context->peer();
    call->Run(*request);
    return call;
  }

 private:
  UnaryCall(const ServiceParts& parts, Response* response)
      : parts_(parts), started_(std::chrono::steady_clock::now()), reply_(response, this) {}

  void Run(const Request& request) {
    const absl::Status admitted = parts_.inflight->Enter();
    is_in_flight_ = admitted.ok();
    if (!is_in_flight_) return Done(admitted);
    if (const absl::Status here = CheckIsHere(parts_, request); !here.ok()) return Done(here);
    Operation<Request>::Run(parts_, request, reply_);
  }

  void Done(const absl::Status& status) override {
    parts_.metrics->Record(Operation<Request>::kMethod, status.code(),
                           absl::FromChrono(std::chrono::steady_clock::now() - started_));
    Finish(ToGrpcStatus(status));
  }

  std::string DescribePeer() const override { return peer_; }

  void KeepOpen() override {}  // it stays until gRPC is done with it

  void OnDone() override {
    if (is_in_flight_) parts_.inflight->Leave();
    delete this;
  }

  const ServiceParts& parts_;
  const std::chrono::steady_clock::time_point started_;
  bool is_in_flight_ = false;
  std::string peer_;  // of those methods that tell the log
  typename Operation<Request>::Reply reply_;
};

// Answers UNIMPLEMENTED with what the method needs.
inline grpc::ServerUnaryReactor* Unimplemented(const ServiceParts& parts,
                                               grpc::CallbackServerContext* context,
                                               Method method) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(UnimplementedStatus(method, *parts.metrics)));
  return reactor;
}

// Answers likewise for a method that streams its answers.
template <typename Response>
class UnimplementedStream final : public grpc::ServerWriteReactor<Response> {
 public:
  UnimplementedStream(const ServiceParts& parts, Method method) {
    this->Finish(ToGrpcStatus(UnimplementedStatus(method, *parts.metrics)));
  }
  void OnDone() override { delete this; }
};

}  // namespace larder::server

#endif  // LARDER_SERVER_GRPCPP_UNARY_CALL_H_
