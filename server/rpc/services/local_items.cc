#include "server/rpc/services/local_items.h"

#include <memory>
#include <optional>
#include <utility>

#include "server/rpc/services/message_method.h"

namespace larder::server {
namespace {

// One request by generated messages, as MessageCall runs it, whose response is a part of an answer.
template <typename Request>
class LocalItems final : public CallCompletion, private Completion {
 public:
  using Op = Operation<Request>;

  static void Start(const ServiceParts& parts, std::string_view bytes, RpcCall& call,
                    LocalItemsListener* listener) {
    auto self = std::make_unique<LocalItems>(&call, listener);
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

  LocalItems(RpcCall* call, LocalItemsListener* listener)
      : call_(call), listener_(listener), reply_(&response_, this) {}

  void Run(RpcCall&) override {
    listener_->OnLocal(status_, status_.ok() ? response_.SerializeAsString() : std::string());
  }

 private:
  void Begin(const ServiceParts& parts, std::string_view bytes) {
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
    ticket_.emplace(call_->Defer());
  }

  bool Pause(PausedOperation& operation) override {
    if (!call_->IsTurnOver()) return false;
    KeepOpen();
    call_->Pause(std::make_unique<PausedCompletion>(&operation));
    return true;
  }

  RpcCall* const call_;
  LocalItemsListener* const listener_;
  bool* is_open_ = nullptr;  // while Start runs
  std::optional<CallTicket> ticket_;
  Request request_;
  typename Op::Response response_;
  absl::Status status_;
  typename Op::Reply reply_;
};

}  // namespace

void RunLocalItems(Method method, const ServiceParts& parts, std::string_view request,
                   RpcCall& call, LocalItemsListener* listener) {
  if (method == Method::kMultiGet) {
    LocalItems<v1::MultiGetRequest>::Start(parts, request, call, listener);
  } else if (method == Method::kMultiSet) {
    LocalItems<v1::MultiSetRequest>::Start(parts, request, call, listener);
  } else {
    LocalItems<v1::MultiDeleteRequest>::Start(parts, request, call, listener);
  }
}

ReadOutcome LookAtMultiKeyRequest(Method method, std::string_view request, const Limits& limits) {
  const google::protobuf::Descriptor* const type =
      method == Method::kMultiGet   ? v1::MultiGetRequest::descriptor()
      : method == Method::kMultiSet ? v1::MultiSetRequest::descriptor()
                                    : v1::MultiDeleteRequest::descriptor();
  return LookAtRequest(request, *type, limits.max_multi_items);
}

}  // namespace larder::server
