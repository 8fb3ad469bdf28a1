#ifndef LARDER_SERVER_RPC_SERVICES_MESSAGE_METHOD_H_
#define LARDER_SERVER_RPC_SERVICES_MESSAGE_METHOD_H_

#include <google/protobuf/message.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/messages/completion.h"
#include "server/messages/operation.h"
#include "server/messages/paused_operation.h"
#include "server/messages/request_bounds.h"
#include "server/messages/unimplemented.h"
#include "server/rpc/answer_writer.h"
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
  AnswerWriter writer(&call);
  char* const at = writer.Open(bytes).Extend(bytes);
  message.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(at));
  writer.Close();
}

// Counts a request from its admission to its status.
class CountedRequest {
 public:
  CountedRequest(const ServiceParts& parts, Method method, const RpcCall& call)
      : metrics_(parts.metrics),
        inflight_(parts.inflight),
        method_(method),
        started_(call.received_at()),
        admitted_(parts.inflight->Enter()) {}

  // Not OK: the node is overloaded.
  const absl::Status& admitted() const { return admitted_; }

  // Leaves the call open. The request keeps its place in the limit until it is answered, also if
  // its call ends before.
  CallTicket KeepOpen(RpcCall& call) { return call.Defer(); }

  void Finish(const absl::Status& status, RpcCall& call) {
    const auto now = std::chrono::steady_clock::now();
    metrics_->Record(method_, status.code(), absl::FromChrono(now - started_));
    call.TellTime(now);
    if (admitted_.ok()) call.KeepPlace(inflight_);
    call.Finish(status);
  }

  // The call has ended while it was open.
  void Cancel() {
    metrics_->Record(method_, absl::StatusCode::kCancelled,
                     absl::FromChrono(std::chrono::steady_clock::now() - started_));
    if (admitted_.ok()) inflight_->Leave();
  }

 private:
  RequestMetrics* metrics_;
  InflightLimit* inflight_;
  Method method_;
  std::chrono::steady_clock::time_point started_;
  absl::Status admitted_;
};

// Goes on with a part of a call that was paused.
class PausedCompletion final : public CallCompletion {
 public:
  explicit PausedCompletion(PausedOperation* operation) : operation_(operation) {}
  ~PausedCompletion() override {
    if (operation_ != nullptr) operation_->GiveUp();
  }
  void Run(RpcCall&) override { std::exchange(operation_, nullptr)->GoOn(); }
  size_t bytes_held() const override { return operation_->bytes_held(); }

 private:
  PausedOperation* operation_;
};

// One unary call by generated messages. Ends itself when its call is over.
template <typename Request>
class MessageCall final : public CallCompletion, private Completion {
 public:
  using Op = Operation<Request>;

  static void Start(const ServiceParts& parts, std::string_view bytes, RpcCall& call) {
    auto self = std::make_unique<MessageCall>(parts, &call);
    bool is_open = false;
    self->is_open_ = &is_open;
    self->Begin(parts, bytes);
    if (is_open) {
      // It goes with its answer, perhaps already.
      static_cast<void>(self.release());
    } else {
      self->Run(call);
    }
  }

  MessageCall(const ServiceParts& parts, RpcCall* call)
      : call_(call), counted_(parts, Op::kMethod, *call), reply_(&response_, this) {}
  ~MessageCall() override {
    if (call_ != nullptr) counted_.Cancel();
  }

  void Run(RpcCall& call) override {
    call_ = nullptr;
    if (status_.ok()) SendMessage(response_, call);
    counted_.Finish(status_, call);
  }

 private:
  void Begin(const ServiceParts& parts, std::string_view bytes) {
    status_ = counted_.admitted();
    if (!status_.ok()) return;
    const ItemsBound items = Op::Items(parts.cache->limits());
    const ReadOutcome outcome = ReadMessage(bytes, items, &request_);
    if (outcome != ReadOutcome::kRead) {
      status_ = StatusOf(outcome, MethodName(Op::kMethod), items);
      return;
    }
    status_ = absl::InternalError("the handler did not answer");
    Op::Run(parts, request_, reply_);
  }

  void Done(const absl::Status& status) override {
    status_ = status;
    if (!ticket_.has_value()) return;
    CallTicket ticket = *std::move(ticket_);
    ticket.Complete(std::unique_ptr<CallCompletion>(this));
  }

  void KeepOpen() override {
    if (ticket_.has_value()) return;
    *is_open_ = true;
    ticket_.emplace(counted_.KeepOpen(*call_));
  }

  std::string DescribePeer() const override { return call_->DescribePeer(); }

  bool Pause(PausedOperation& operation) override {
    if (!call_->IsTurnOver()) return false;
    KeepOpen();
    call_->Pause(std::make_unique<PausedCompletion>(&operation));
    return true;
  }

  RpcCall* call_;            // nullptr: it is finished
  bool* is_open_ = nullptr;  // while Start runs
  std::optional<CallTicket> ticket_;
  CountedRequest counted_;
  Request request_;
  typename Op::Response response_;
  absl::Status status_;
  typename Op::Reply reply_;
};

// Runs a unary method by generated messages.
template <typename Request>
class MessageMethod final : public UnaryMethod {
 public:
  explicit MessageMethod(const ServiceParts& parts) : parts_(parts) {}

  void Run(std::string_view bytes, RpcCall& call) override {
    MessageCall<Request>::Start(parts_, bytes, call);
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
