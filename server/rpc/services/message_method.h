#ifndef LARDER_SERVER_RPC_SERVICES_MESSAGE_METHOD_H_
#define LARDER_SERVER_RPC_SERVICES_MESSAGE_METHOD_H_

#include <google/protobuf/message.h>

#include <chrono>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/messages/completion.h"
#include "server/messages/operation.h"
#include "server/messages/request_bounds.h"
#include "server/messages/unimplemented.h"
#include "server/rpc/rpc_call.h"
#include "server/rpc/rpc_method.h"

namespace larder::server {

// The bytes of a request that are no message of its type.
inline absl::Status UnreadableStatus(std::string_view operation) {
  return StatusOf(ReadOutcome::kUnreadable, operation, {});
}

// Builds a message of a request's bytes, once it is known to have no more than it may.
inline ReadOutcome ReadMessage(std::string_view bytes, const ItemsBound& items,
                               google::protobuf::Message* message) {
  const ReadOutcome outcome = LookAtRequest(bytes, *message->GetDescriptor(), items.max);
  if (outcome != ReadOutcome::kRead) return outcome;
  return message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))
             ? ReadOutcome::kRead
             : ReadOutcome::kUnreadable;
}

inline void SendMessage(const google::protobuf::MessageLite& message, RpcCall& call) {
  const size_t bytes = message.ByteSizeLong();
  char* const at = call.OpenMessage(bytes).Extend(bytes);
  message.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(at));
  call.CloseMessage();
}

// Keeps the status of what a handler completes before it returns.
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

// Runs a unary method by generated messages.
template <typename Request>
class MessageMethod final : public UnaryMethod {
 public:
  explicit MessageMethod(const ServiceParts& parts) : parts_(parts) {}

  void Run(std::string_view bytes, RpcCall& call) override {
    using Op = Operation<Request>;
    CountedRequest counted(parts_, Op::kMethod, call);
    if (!counted.admitted().ok()) return counted.Finish(counted.admitted(), call);
    const ItemsBound items = Op::Items(parts_.cache->limits());
    Request request;
    if (const ReadOutcome outcome = ReadMessage(bytes, items, &request);
        outcome != ReadOutcome::kRead) {
      return counted.Finish(StatusOf(outcome, MethodName(Op::kMethod), items), call);
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

// Answers a method that this node does not have.
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
