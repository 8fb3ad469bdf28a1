#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proto/wire/wire_writer.h"
#include "server/handlers/request_checks.h"
#include "server/rpc/answer_writer.h"
#include "server/rpc/services/cache_requests.h"
#include "server/rpc/services/message_method.h"
#include "server/rpc/services/unary_place.h"
#include "server/rpc/services/wire_methods.h"
#include "server/rpc/services/wire_replies.h"

namespace larder::server {
namespace {

// Where the results of a multi-key answer are written, one behind the other.
class Results {
 public:
  explicit Results(OutputBuffer* output) : output_(output) {}
  explicit Results(std::string* text) : text_(text) {}

  char* Take(size_t bytes) { return TakeField(1, bytes); }
  void TakeError(const absl::Status& status) {
    v1::ItemError error;
    FillItemError(status, &error);
    const size_t bytes = error.ByteSizeLong();
    error.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(TakeField(2, bytes)));
  }
  void ContinueIn(std::string* text) { text_ = text; }
  // What was written after Mark is taken back.
  size_t Mark() const { return text_ == nullptr ? output_->Mark() : text_->size(); }
  void Rewind(size_t mark) { text_ == nullptr ? output_->Rewind(mark) : text_->resize(mark); }

 private:
  char* TakeField(uint32_t field, size_t bytes) {
    const size_t result_bytes = BytesFieldBytes(bytes);
    WireWriter writer(Extend(BytesFieldBytes(result_bytes)));
    writer.BytesHead(1, result_bytes);
    writer.BytesHead(field, bytes);
    return writer.at();
  }
  char* Extend(size_t bytes) {
    if (text_ == nullptr) [[likely]]
      return output_->Extend(bytes);
    text_->resize(text_->size() + bytes);
    return text_->data() + text_->size() - bytes;
  }

  OutputBuffer* output_ = nullptr;
  std::string* text_ = nullptr;  // if there is one
};

// The answer of a multi-key call of which some items are answered later. Goes when the last is.
class OpenMultiAnswer {
 public:
  OpenMultiAnswer(std::string written, RpcCall& call, CountedRequest& counted)
      : text(std::move(written)), answer_(call, counted) {}

  // An item that is answered later, behind what is in `text`. Its result is to be written here.
  std::string* AddHole() {
    unanswered_.fetch_add(1, std::memory_order_relaxed);
    return &holes_.emplace_back(Hole{text.size(), {}}).result;
  }
  // One of them is written, or what comes at once.
  void CompleteOne() {
    if (unanswered_.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
    std::string message;
    size_t copied = 0;
    for (const Hole& hole : holes_) {
      message.append(text, copied, hole.at - copied).append(hole.result);
      copied = hole.at;
    }
    message.append(text, copied);
    answer_.Send(std::move(message), absl::OkStatus());
    delete this;
  }

  std::string text;  // the results that came at once

 private:
  struct Hole {
    size_t at;
    std::string result;
  };

  OpenUnaryAnswer answer_;
  std::deque<Hole> holes_;  // their addresses are given away
  std::atomic<size_t> unanswered_{1};
};

// Writes the result of an item that is answered later.
class OpenItemAnswer final : public OpenAnswer {
 public:
  explicit OpenItemAnswer(OpenMultiAnswer* all) : all_(all), result_(all->AddHole()) {}
  ~OpenItemAnswer() override {
    if (all_ != nullptr) Send({}, absl::InternalError("the operation was given up"));
  }

  void Send(std::string message, const absl::Status& status) override {
    Results results(result_);
    if (status.ok()) {
      message.copy(results.Take(message.size()), message.size());
    } else {
      results.TakeError(status);
    }
    std::exchange(all_, nullptr)->CompleteOne();
  }

 private:
  OpenMultiAnswer* all_;  // nullptr: it was sent
  std::string* const result_;
};

// Takes the replies of a multi-key call: each item is written behind the one before. `ItemReply` is
// the handler's reply to one item, `WireItemReply` the one that writes it.
template <typename ItemReply, typename WireItemReply>
class WireMultiReply final : public MultiReply<ItemReply>, private AnswerPlace {
 public:
  // `bytes`: how long the answer will be, about.
  WireMultiReply(RpcCall* call, CountedRequest* counted, size_t bytes)
      : call_(call),
        counted_(counted),
        writer_(call),
        results_(&writer_.Open(bytes)),
        item_(this) {}
  // Goes on with an answer whose call was paused.
  WireMultiReply(RpcCall* call, OpenMultiAnswer* open)
      : call_(call), writer_(call), results_(&open->text), item_(this), open_(open) {}

  ItemReply& Item(size_t) override {
    item_mark_ = results_.Mark();
    return item_;
  }
  bool Pause() override {
    is_paused_ = call_->IsTurnOver();
    return is_paused_;
  }
  void Complete() override {
    if (open_ != nullptr) open_->CompleteOne();
  }
  void Fail(const absl::Status& status) override { status_ = status; }
  const absl::Status& status() const { return status_; }
  bool is_open() const { return open_ != nullptr; }
  bool is_paused() const { return is_paused_; }
  // Sends what was written. REQUIRES: not is_open().
  void Close() { writer_.Close(); }

  OpenMultiAnswer* NeedOpen() {
    if (open_ == nullptr) {
      open_ = new OpenMultiAnswer(writer_.TakeBack(), *call_, *counted_);
      results_.ContinueIn(&open_->text);
    }
    return open_;
  }

 private:
  char* Take(size_t bytes) override { return results_.Take(bytes); }
  // Leaves an item open.
  std::unique_ptr<OpenAnswer> Open() override {
    return std::make_unique<OpenItemAnswer>(NeedOpen());
  }

  // Used for one item after the other; an error is written, too.
  class OneItemReply final : public WireItemReply {
   public:
    explicit OneItemReply(WireMultiReply* all) : WireItemReply(all), all_(all) {}
    void Fail(const absl::Status& status) override {
      all_->results_.Rewind(all_->item_mark_);
      all_->results_.TakeError(status);
    }

   private:
    WireMultiReply* const all_;
  };

  RpcCall* const call_;
  CountedRequest* const counted_ = nullptr;
  AnswerWriter writer_;
  Results results_;
  OneItemReply item_;
  size_t item_mark_ = 0;  // where its result begins
  absl::Status status_;
  OpenMultiAnswer* open_ = nullptr;
  bool is_paused_ = false;
};

// Makes what a view borrows from a request point to where the request was moved to.
class Relocation {
 public:
  Relocation(std::string_view from, std::string_view to) : from_(from.data()), to_(to.data()) {}

  bool is_needed() const { return from_ != to_; }
  void Move(GetView& view) const { Move(view.key); }
  void Move(DeleteView& view) const { Move(view.key); }
  void Move(SetView& view) const {
    Move(view.key);
    Move(view.value);
    Move(view.condition.lease_token);
  }

 private:
  void Move(std::string_view& bytes) const {
    if (!bytes.empty()) bytes = {to_ + (bytes.data() - from_), bytes.size()};
  }

  const char* const from_;
  const char* const to_;
};

// What is left of a call that was paused: its views borrow from the request that the call keeps.
template <typename Op>
class RestOfCall final : public CallCompletion {
 public:
  RestOfCall(MultiKeyHandler* handler, std::vector<typename Op::View> views,
             MultiKeyProgress progress, OpenMultiAnswer* open)
      : handler_(handler), views_(std::move(views)), progress_(std::move(progress)), open_(open) {}
  ~RestOfCall() override {
    if (open_ != nullptr) open_->CompleteOne();  // its call has ended
  }
  size_t bytes_held() const override { return open_->text.size(); }

  void Run(RpcCall& call) override {
    OpenMultiAnswer* const open = std::exchange(open_, nullptr);
    typename Op::Reply reply(&call, open);
    (handler_->*Op::kHandle)(views_, progress_, reply);
    if (!reply.is_paused()) return;
    call.Pause(
        std::make_unique<RestOfCall>(handler_, std::move(views_), std::move(progress_), open));
  }

 private:
  MultiKeyHandler* const handler_;
  std::vector<typename Op::View> views_;
  MultiKeyProgress progress_;
  OpenMultiAnswer* open_;
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
    MultiKeyProgress progress;
    typename Op::Reply reply(&call, &counted, views.size() * Op::kBytesForAnItem);
    (parts_.multi_key->*Op::kHandle)(views, progress, reply);
    if (reply.is_paused()) [[unlikely]]
      return Pause(bytes, std::move(views), std::move(progress), reply.NeedOpen(), call);
    if (reply.is_open()) [[unlikely]]
      return;
    if (reply.status().ok()) reply.Close();
    counted.Finish(reply.status(), call);
  }

 private:
  void Pause(std::string_view request, std::vector<typename Op::View> views,
             MultiKeyProgress progress, OpenMultiAnswer* open, RpcCall& call) {
    const Relocation relocation(request, call.KeepRequest(request));
    if (relocation.is_needed()) {
      for (size_t i = progress.next; i < views.size(); ++i) relocation.Move(views[i]);
    }
    call.Pause(std::make_unique<RestOfCall<Op>>(parts_.multi_key, std::move(views),
                                                std::move(progress), open));
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
