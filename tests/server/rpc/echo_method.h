#ifndef LARDER_TESTS_SERVER_RPC_ECHO_METHOD_H_
#define LARDER_TESTS_SERVER_RPC_ECHO_METHOD_H_

#include <memory>
#include <string_view>
#include <tuple>

#include "absl/status/status.h"
#include "server/rpc/rpc_call.h"
#include "server/rpc/rpc_method.h"

namespace larder::server {

// Answers with the request.
class Echo final : public UnaryMethod {
 public:
  void Run(std::string_view request, RpcCall& call) override {
    call.SendMessage(request);
    call.Finish(absl::OkStatus());
  }
};

// Answers each message with itself.
class EchoCall : public StreamingCall {
 public:
  explicit EchoCall(RpcCall* call) : call_(call) {}
  void OnMessage(std::string_view message) override { call_->SendMessage(message); }
  void OnEnd() override { call_->Finish(absl::OkStatus()); }
  void OnDrain() override { call_->Finish(absl::UnavailableError("draining")); }

 protected:
  RpcCall* call() const { return call_; }

 private:
  RpcCall* const call_;
};

// `Call`: an EchoCall, made of the call and of what else it is given.
template <typename Call = EchoCall, typename... Given>
class EchoStream final : public StreamingMethod {
 public:
  explicit EchoStream(Given... given) : given_(given...) {}
  std::unique_ptr<StreamingCall> Open(RpcCall& call) override {
    return std::apply([&](auto... given) { return std::make_unique<Call>(&call, given...); },
                      given_);
  }

 private:
  const std::tuple<Given...> given_;
};

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_RPC_ECHO_METHOD_H_
