#ifndef LARDER_SERVER_MESSAGES_MULTI_MESSAGE_REPLY_H_
#define LARDER_SERVER_MESSAGES_MULTI_MESSAGE_REPLY_H_

#include <atomic>
#include <deque>
#include <type_traits>
#include <utility>
#include <vector>

#include "server/handlers/multi_key_handler.h"
#include "server/handlers/reply.h"
#include "server/messages/completion.h"
#include "server/messages/message_views.h"
#include "server/messages/paused_operation.h"
#include "server/messages/status_details.h"

namespace larder::server {

// The reply to a multi-key call: one result message per item. Also keeps the items' views, and goes
// on with the call when it was paused.
// `ItemReply` is the handler's reply to one item, `MessageReply` the one that writes its message.
template <typename ItemReply, typename MessageReply, typename View, typename Response>
class MultiMessageReply final : public MultiReply<ItemReply>, private PausedOperation {
 public:
  using Handle = void (MultiKeyHandler::*)(absl::Span<const View>, MultiKeyProgress&,
                                           MultiReply<ItemReply>&);

  MultiMessageReply(Response* response, Completion* completion)
      : response_(response), completion_(completion) {}

  // Runs the request, which stays until this is complete.
  template <typename Request>
  void Run(MultiKeyHandler* handler, Handle handle, const Request& request) {
    handler_ = handler;
    handle_ = handle;
    views_.reserve(static_cast<size_t>(request.items_size()));
    for (const auto& item : request.items()) {
      views_.push_back(ViewOf(item));
      request_bytes_ += BytesOf(views_.back());
    }
    GoOn();
  }

  ItemReply& Item(size_t index) override {
    while (items_.size() <= index) items_.emplace_back(this, response_->add_results());
    return items_[index].reply;
  }

  bool Pause() override { return completion_->Pause(*this); }
  void Complete() override { CompleteOne(); }
  void Fail(const absl::Status& status) override { completion_->Done(status); }

 private:
  using Result = std::decay_t<decltype(*std::declval<Response>().mutable_results(0))>;

  static size_t BytesOf(const View& view) {
    if constexpr (requires { view.value; }) {
      return view.key.size() + view.value.size();
    } else {
      return view.key.size();
    }
  }

  struct ItemState final : Completion {
    ItemState(MultiMessageReply* reply_of_all, Result* message)
        : all(reply_of_all), result(message), reply(message->mutable_response(), this) {}

    void Done(const absl::Status& status) override {
      if (!status.ok()) FillItemError(status, result->mutable_error());
      if (is_open) all->CompleteOne();
    }
    void KeepOpen() override {
      if (std::exchange(is_open, true)) return;
      all->unanswered_.fetch_add(1, std::memory_order_relaxed);
      if (!std::exchange(all->is_open_, true)) all->completion_->KeepOpen();
    }

    MultiMessageReply* const all;
    Result* const result;
    MessageReply reply;
    bool is_open = false;
  };

  size_t bytes_held() const override { return request_bytes_ + progress_.budget->used_bytes(); }
  void GoOn() override { (handler_->*handle_)(views_, progress_, *this); }
  void GiveUp() override {
    is_given_up_ = true;
    CompleteOne();
  }

  void CompleteOne() {
    if (unanswered_.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
    completion_->Done(is_given_up_ ? absl::CancelledError("the call has ended") : absl::OkStatus());
  }

  Response* const response_;
  Completion* const completion_;
  MultiKeyHandler* handler_ = nullptr;
  Handle handle_ = nullptr;
  std::vector<View> views_;
  size_t request_bytes_ = 0;  // of keys and values
  MultiKeyProgress progress_;
  std::deque<ItemState> items_;  // their addresses are given away
  bool is_open_ = false;
  bool is_given_up_ = false;
  std::atomic<size_t> unanswered_{1};  // items that are open, and the call as a whole
};

}  // namespace larder::server

#endif  // LARDER_SERVER_MESSAGES_MULTI_MESSAGE_REPLY_H_
