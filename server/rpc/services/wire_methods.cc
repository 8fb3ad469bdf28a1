#include "server/rpc/services/wire_methods.h"

#include "server/rpc/services/cache_requests.h"
#include "server/rpc/services/message_method.h"
#include "server/rpc/services/pipeline_place.h"
#include "server/rpc/services/unary_place.h"
#include "server/rpc/services/wire_replies.h"

namespace larder::server {
namespace {

// One of the methods: its request's view, how that is read, its reply, and the handler's method.
struct GetOperation {
  using Request = v1::GetRequest;
  using View = GetView;
  using Reply = WireGetReply;
  static constexpr Method kMethod = Method::kGet;
  static constexpr uint32_t kAnswerField = 3;  // of PipelineResponse
  static ReadOutcome Read(std::string_view bytes, View& view) {
    return ReadGetRequest(bytes, view);
  }
  static bool IsFor(const View&) { return true; }
  static void Run(CacheHandler& cache, const View& view, Reply& reply) { cache.Get(view, reply); }
};
struct SetOperation {
  using Request = v1::SetRequest;
  using View = SetView;
  using Reply = WireSetReply;
  static constexpr Method kMethod = Method::kSet;
  static constexpr uint32_t kAnswerField = 4;
  static ReadOutcome Read(std::string_view bytes, View& view) {
    return ReadSetRequest(bytes, view);
  }
  // The entry that was there comes before the outcome is known.
  static bool IsFor(const View& view) { return !view.return_previous; }
  static void Run(CacheHandler& cache, const View& view, Reply& reply) { cache.Set(view, reply); }
};
struct DeleteOperation {
  using Request = v1::DeleteRequest;
  using View = DeleteView;
  using Reply = WireDeleteReply;
  static constexpr Method kMethod = Method::kDelete;
  static constexpr uint32_t kAnswerField = 5;
  static ReadOutcome Read(std::string_view bytes, View& view) {
    return ReadDeleteRequest(bytes, view);
  }
  static bool IsFor(const View&) { return true; }
  static void Run(CacheHandler& cache, const View& view, Reply& reply) {
    cache.Delete(view, reply);
  }
};
struct TouchOperation {
  using Request = v1::TouchRequest;
  using View = TouchView;
  using Reply = WireTouchReply;
  static constexpr Method kMethod = Method::kTouch;
  static constexpr uint32_t kAnswerField = 7;
  static ReadOutcome Read(std::string_view bytes, View& view) {
    return ReadTouchRequest(bytes, view);
  }
  static bool IsFor(const View&) { return true; }
  static void Run(CacheHandler& cache, const View& view, Reply& reply) { cache.Touch(view, reply); }
};

template <typename Op>
class WireMethod final : public UnaryMethod {
 public:
  explicit WireMethod(const ServiceParts& parts) : parts_(parts), by_messages_(parts) {}

  void Run(std::string_view bytes, RpcCall& call) override {
    typename Op::View view;
    const ReadOutcome outcome = Op::Read(bytes, view);
    if (outcome == ReadOutcome::kRead && !Op::IsFor(view)) return by_messages_.Run(bytes, call);
    CountedRequest counted(parts_, Op::kMethod, call);
    if (!counted.admitted().ok()) return counted.Finish(counted.admitted(), call);
    if (outcome != ReadOutcome::kRead) {
      return counted.Finish(StatusOf(outcome, MethodName(Op::kMethod), {}), call);
    }
    UnaryPlace place(&call, &counted);
    typename Op::Reply reply(&place);
    Op::Run(*parts_.cache, view, reply);
    if (place.is_open()) [[unlikely]]
      return;
    if (reply.status().ok()) place.Close();
    counted.Finish(reply.status(), call);
  }

 private:
  const ServiceParts parts_;
  MessageMethod<typename Op::Request> by_messages_;
};

template <typename Op>
std::optional<PipelineOutcome> RunInPipeline(const ServiceParts& parts, absl::Status status,
                                             const PipelineView& operation, RpcCall& call,
                                             OpenOperations* open) {
  typename Op::View view;
  if (Op::Read(operation.request, view) != ReadOutcome::kRead) return std::nullopt;
  if (!Op::IsFor(view)) return std::nullopt;
  if (status.ok()) {
    PipelinePlace place(parts, {operation.id, Op::kAnswerField, Op::kMethod}, &call, open);
    typename Op::Reply reply(&place);
    Op::Run(*parts.cache, view, reply);
    if (place.is_open()) [[unlikely]]
      return PipelineOutcome{Op::kMethod, absl::StatusCode::kOk, /*is_open=*/true};
    status = reply.status();
    if (status.ok()) place.Close();
  }
  if (!status.ok()) SendPipelineError(operation.id, status, call);
  return PipelineOutcome{Op::kMethod, status.code()};
}

}  // namespace

std::unique_ptr<UnaryMethod> CreateGetMethod(const ServiceParts& parts) {
  return std::make_unique<WireMethod<GetOperation>>(parts);
}

std::unique_ptr<UnaryMethod> CreateSetMethod(const ServiceParts& parts) {
  return std::make_unique<WireMethod<SetOperation>>(parts);
}

std::unique_ptr<UnaryMethod> CreateDeleteMethod(const ServiceParts& parts) {
  return std::make_unique<WireMethod<DeleteOperation>>(parts);
}

std::unique_ptr<UnaryMethod> CreateTouchMethod(const ServiceParts& parts) {
  return std::make_unique<WireMethod<TouchOperation>>(parts);
}

void SendPipelineError(uint64_t id, const absl::Status& status, RpcCall& call) {
  v1::PipelineResponse response;
  response.set_id(id);
  FillItemError(status, response.mutable_error());
  SendMessage(response, call);
}

std::optional<PipelineOutcome> RunPipelineOperation(const ServiceParts& parts,
                                                    const absl::Status& admitted,
                                                    const PipelineView& operation, RpcCall& call,
                                                    OpenOperations* open) {
  switch (operation.operation) {
    case v1::PipelineRequest::kGet:
      return RunInPipeline<GetOperation>(parts, admitted, operation, call, open);
    case v1::PipelineRequest::kSet:
      return RunInPipeline<SetOperation>(parts, admitted, operation, call, open);
    case v1::PipelineRequest::kDelete:
      return RunInPipeline<DeleteOperation>(parts, admitted, operation, call, open);
    case v1::PipelineRequest::kTouch:
      return RunInPipeline<TouchOperation>(parts, admitted, operation, call, open);
    default:
      return std::nullopt;
  }
}

}  // namespace larder::server
