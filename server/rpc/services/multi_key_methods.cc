#include <algorithm>
#include <string>
#include <vector>

#include "server/handlers/request_checks.h"
#include "server/rpc/services/cache_requests.h"
#include "server/rpc/services/message_method.h"
#include "server/rpc/services/wire_methods.h"
#include "server/rpc/services/wire_replies.h"

namespace larder::server {
namespace {

// Takes the replies of a multi-key call: each item is written behind the one before. `ItemReply` is
// the handler's reply to one item, `WireItemReply` the one that writes it.
template <typename ItemReply, typename WireItemReply>
class WireMultiReply final : public MultiReply<ItemReply> {
 public:
  explicit WireMultiReply(OutputBuffer* output) : place_(output), item_(&place_) {}

  ItemReply& Item(size_t) override { return item_; }
  void Complete() override {}
  void Fail(const absl::Status& status) override { status_ = status; }
  const absl::Status& status() const { return status_; }

 private:
  // Used for one item after the other; an error is written, too.
  class OneItemReply final : public WireItemReply {
   public:
    explicit OneItemReply(ResultPlace* place) : WireItemReply(place), place_(place) {}
    void Fail(const absl::Status& status) override {
      v1::ItemError error;
      FillItemError(status, &error);
      const size_t bytes = error.ByteSizeLong();
      error.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(place_->TakeError(bytes)));
    }

   private:
    ResultPlace* const place_;
  };

  ResultPlace place_;
  OneItemReply item_;
  absl::Status status_;
};

// One of the methods: its request, the view of an item, how they are read, the reply, about what
// the answer to an item takes, and the handler's method.
struct MultiGetOperation {
  using Request = v1::MultiGetRequest;
  using View = GetView;
  using Reply = WireMultiReply<GetReply, WireGetReply>;
  static constexpr Method kMethod = Method::kMultiGet;
  static constexpr size_t kBytesForAnItem = 128;  // for small values; more wait for their turn
  static constexpr auto kRead = &ReadMultiGetRequest;
  static constexpr auto kHandle = &MultiKeyHandler::MultiGet;
  static bool IsFor(const View&) { return true; }
};
struct MultiSetOperation {
  using Request = v1::MultiSetRequest;
  using View = SetView;
  using Reply = WireMultiReply<SetReply, WireSetReply>;
  static constexpr Method kMethod = Method::kMultiSet;
  static constexpr size_t kBytesForAnItem = 16;
  static constexpr auto kRead = &ReadMultiSetRequest;
  static constexpr auto kHandle = &MultiKeyHandler::MultiSet;
  // The entry that was there comes before the outcome is known.
  static bool IsFor(const View& view) { return !view.return_previous; }
};
struct MultiDeleteOperation {
  using Request = v1::MultiDeleteRequest;
  using View = DeleteView;
  using Reply = WireMultiReply<DeleteReply, WireDeleteReply>;
  static constexpr Method kMethod = Method::kMultiDelete;
  static constexpr size_t kBytesForAnItem = 16;
  static constexpr auto kRead = &ReadMultiDeleteRequest;
  static constexpr auto kHandle = &MultiKeyHandler::MultiDelete;
  static bool IsFor(const View&) { return true; }
};

template <typename Op>
class MultiKeyMethod final : public UnaryMethod {
 public:
  explicit MultiKeyMethod(const ServiceParts& parts) : parts_(parts), by_messages_(parts) {}

  void Run(std::string_view bytes, RpcCall& call) override {
    const Limits& limits = parts_.cache->limits();
    std::vector<typename Op::View> views;
    const ReadOutcome outcome = Op::kRead(bytes, limits.max_multi_items, views);
    if (outcome == ReadOutcome::kRead && !std::all_of(views.begin(), views.end(), &Op::IsFor)) {
      return by_messages_.Run(bytes, call);
    }
    CountedRequest counted(parts_, Op::kMethod, call);
    if (!counted.admitted().ok()) return counted.Finish(counted.admitted(), call);
    const std::string_view name = MethodName(Op::kMethod);
    if (outcome != ReadOutcome::kRead) {
      return counted.Finish(StatusOf(outcome, name, MultiKeyItems(limits)), call);
    }
    const absl::Status checked = CheckItems(name, views.size(), limits);
    if (!checked.ok()) return counted.Finish(checked, call);
    Prefetch(views);
    typename Op::Reply reply(&call.OpenMessage(views.size() * Op::kBytesForAnItem));
    (parts_.multi_key->*Op::kHandle)(views, reply);
    if (reply.status().ok()) call.CloseMessage();
    counted.Finish(reply.status(), call);
  }

 private:
  void Prefetch(const std::vector<typename Op::View>& views) {
    std::vector<std::string_view> keys;
    keys.reserve(views.size());
    for (const auto& view : views) keys.push_back(view.key);
    parts_.cache->Prefetch(keys);
  }

  const ServiceParts parts_;
  MessageMethod<typename Op::Request> by_messages_;
};

}  // namespace

std::unique_ptr<UnaryMethod> CreateMultiGetMethod(const ServiceParts& parts) {
  return std::make_unique<MultiKeyMethod<MultiGetOperation>>(parts);
}

std::unique_ptr<UnaryMethod> CreateMultiSetMethod(const ServiceParts& parts) {
  return std::make_unique<MultiKeyMethod<MultiSetOperation>>(parts);
}

std::unique_ptr<UnaryMethod> CreateMultiDeleteMethod(const ServiceParts& parts) {
  return std::make_unique<MultiKeyMethod<MultiDeleteOperation>>(parts);
}

}  // namespace larder::server
