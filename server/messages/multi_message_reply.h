#ifndef LARDER_SERVER_MESSAGES_MULTI_MESSAGE_REPLY_H_
#define LARDER_SERVER_MESSAGES_MULTI_MESSAGE_REPLY_H_

#include <deque>
#include <type_traits>
#include <utility>
#include <vector>

#include "server/handlers/reply.h"
#include "server/messages/completion.h"
#include "server/messages/message_views.h"
#include "server/messages/status_details.h"

namespace larder::server {

// The reply to a multi-key call: one result message per item. Also keeps the items' views.
// `ItemReply` is the handler's reply to one item, `MessageReply` the one that writes its message.
template <typename ItemReply, typename MessageReply, typename View, typename Response>
class MultiMessageReply final : public MultiReply<ItemReply> {
 public:
  MultiMessageReply(Response* response, Completion* completion)
      : response_(response), completion_(completion) {}

  // The views of the request's items, kept until the reply goes.
  template <typename Request>
  const std::vector<View>& Views(const Request& request) {
    views_.reserve(static_cast<size_t>(request.items_size()));
    for (const auto& item : request.items()) views_.push_back(ViewOf(item));
    return views_;
  }

  ItemReply& Item(size_t index) override {
    while (items_.size() <= index) items_.emplace_back(response_->add_results());
    return items_[index].reply;
  }

  void Complete() override { completion_->Done(absl::OkStatus()); }
  void Fail(const absl::Status& status) override { completion_->Done(status); }

 private:
  using Result = std::decay_t<decltype(*std::declval<Response>().mutable_results(0))>;

  struct ItemState final : Completion {
    explicit ItemState(Result* message)
        : result(message), reply(message->mutable_response(), this) {}

    void Done(const absl::Status& status) override {
      if (!status.ok()) FillItemError(status, result->mutable_error());
    }

    Result* const result;
    MessageReply reply;
  };

  Response* const response_;
  Completion* const completion_;
  std::vector<View> views_;
  std::deque<ItemState> items_;  // their addresses are given away
};

}  // namespace larder::server

#endif  // LARDER_SERVER_MESSAGES_MULTI_MESSAGE_REPLY_H_
