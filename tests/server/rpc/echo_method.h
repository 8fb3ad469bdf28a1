#ifndef LARDER_TESTS_SERVER_RPC_ECHO_METHOD_H_
#define LARDER_TESTS_SERVER_RPC_ECHO_METHOD_H_

#include <string_view>

#include "absl/status/status.h"
#include "server/rpc/rpc_call.h"
#include "server/rpc/rpc_method.h"

namespace larder::server {

// Answers with the request.
class Echo final : public UnaryMethod {
 public:
  void Run(std::string_view request, RpcCall& call) override {
    call.OpenMessage(request.size()).Append(request);
    call.CloseMessage();
    call.Finish(absl::OkStatus());
  }
};

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_RPC_ECHO_METHOD_H_
