#ifndef LARDER_SERVER_RPC_SERVICES_MESSAGE_METHOD_H_
#define LARDER_SERVER_RPC_SERVICES_MESSAGE_METHOD_H_

#include <google/protobuf/message_lite.h>

#include <chrono>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/messages/completion.h"
#include "server/messages/operation.h"
#include "server/messages/unimplemented.h"
#include "server/rpc/rpc_call.h"
#include "server/rpc/rpc_method.h"

namespace larder::server {

// The bytes of a request that are no message of its type.
inline absl::Status UnreadableStatus(std::string_view operation) {
  return absl::InvalidArgumentError(
      absl::StrCat(std::string(operation), ": the request is no valid protobuf message"));
}

inline bool ParseMessage(std::string_view bytes, google::protobuf::MessageLite* message) {
  return message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

inline void SendMessage(const google::protobuf::MessageLite& message, RpcCall& call) {
  const size_t bytes = message.ByteSizeLong();
  char* const at = call.OpenMessage(bytes).Extend(bytes);
  message.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(at));
  call.CloseMessage();
}

// What handlers complete before they return.
struct InlineCompletion final : Completion {
  void Done(const absl::Status& result) override { status = result; }
  absl::Status status = absl::InternalError("the handler did not answer");
};

// Counts a request from its admission to its status.
class CountedRequest {
 public:
  CountedRequest(const ServiceParts& parts, Method method, const RpcCall& call)
      : parts_(parts),
        method_(method),
        started_(call.received_at()),
        admitted_(parts.inflight->Enter()) {}

  // Not OK: the node is overloaded.
  const absl::Status& admitted() const { return admitted_; }

  void Finish(const absl::Status& status, RpcCall& call) {
    const auto now = std::chrono::steady_clock::now();
    parts_.metrics->Record(method_, status.code(), absl::FromChrono(now - started_));
    call.TellTime(now);
    if (admitted_.ok()) call.KeepPlace(parts_.inflight);
    call.Finish(status);
  }

 private:
  const ServiceParts& parts_;
  const Method method_;
  const std::chrono::steady_clock::time_point started_;
  const absl::Status admitted_;
};

// A unary method by generated messages.
template <typename Request>
class MessageMethod final : public UnaryMethod {
 public:
  explicit MessageMethod(const ServiceParts& parts) : parts_(parts) {}

  void Run(std::string_view bytes, RpcCall& call) override {
    using Op = Operation<Request>;
    CountedRequest counted(parts_, Op::kMethod, call);
    if (!counted.admitted().ok()) return counted.Finish(counted.admitted(), call);
    Request request;
    if (!ParseMessage(bytes, &request)) {
      return counted.Finish(UnreadableStatus(MethodName(Op::kMethod)), call);
    }
    typename Op::Response response;
    InlineCompletion completion;
    typename Op::Reply reply(&response, &completion);
    Op::Run(parts_, request, reply);
    if (completion.status.ok()) SendMessage(response, call);
    counted.Finish(completion.status, call);
  }

 private:
  const ServiceParts parts_;
};

// A method that this node does not have.
class UnimplementedMethod final : public UnaryMethod {
 public:
  UnimplementedMethod(const ServiceParts& parts, Method method) : parts_(parts), method_(method) {}
  void Run(std::string_view, RpcCall& call) override {
    call.Finish(UnimplementedStatus(method_, *parts_.metrics));
  }

 private:
  const ServiceParts parts_;
  const Method method_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_SERVICES_MESSAGE_METHOD_H_
