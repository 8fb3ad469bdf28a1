#ifndef LARDER_SERVER_RPC_SERVICES_UNARY_PLACE_H_
#define LARDER_SERVER_RPC_SERVICES_UNARY_PLACE_H_

#include <memory>
#include <string>
#include <utility>

#include "server/rpc/answer_writer.h"
#include "server/rpc/rpc_call.h"
#include "server/rpc/services/message_method.h"
#include "server/rpc/services/paced_answer.h"

namespace larder::server {

// Sends the answer of an open unary call.
class OpenUnaryAnswer final : public PacedAnswer {
 public:
  OpenUnaryAnswer(RpcCall& call, CountedRequest& counted)
      : ticket_(counted.KeepOpen(call)), counted_(counted) {}

  ~OpenUnaryAnswer() override {
    if (!is_sent_) counted_.Cancel();
  }

  void Send(std::string message, const absl::Status& status) override {
    is_sent_ = true;
    ticket_.Complete(std::make_unique<Letter>(std::move(message), status, counted_));
  }
  void SendPaced(std::string message, const absl::Status& status, HeldBytes held) override {
    is_sent_ = true;
    auto letter = std::make_unique<Letter>(std::move(message), status, counted_);
    letter->Pace(std::move(held));
    ticket_.Complete(std::move(letter));
  }

 private:
  class Letter final : public CallCompletion {
   public:
    Letter(std::string message, absl::Status status, const CountedRequest& counted)
        : message_(std::move(message)), status_(std::move(status)), counted_(counted) {}
    ~Letter() override {
      if (!is_sent_) counted_.Cancel();
    }

    void Pace(HeldBytes held) {
      is_paced_ = true;
      held_ = std::move(held);
    }
    bool waits_for_reader() const override { return is_paced_; }
    void Run(RpcCall& call) override {
      is_sent_ = true;
      if (status_.ok()) call.SendMessage(message_);
      counted_.Finish(status_, call);
    }

   private:
    const std::string message_;
    const absl::Status status_;
    CountedRequest counted_;
    bool is_sent_ = false;
    bool is_paced_ = false;
    HeldBytes held_;
  };

  CallTicket ticket_;
  CountedRequest counted_;
  bool is_sent_ = false;
};

// Writes the whole answer.
class UnaryPlace final : public AnswerPlace {
 public:
  UnaryPlace(RpcCall* call, CountedRequest* counted)
      : call_(call), counted_(counted), writer_(call) {}

  char* Take(size_t bytes) override { return writer_.Open(bytes).Extend(bytes); }
  // Sends what was taken and written.
  void Close() { writer_.Close(); }
  std::unique_ptr<OpenAnswer> Open() override {
    is_open_ = true;
    return std::make_unique<OpenUnaryAnswer>(*call_, *counted_);
  }
  bool is_open() const { return is_open_; }

 private:
  RpcCall* const call_;
  CountedRequest* const counted_;
  AnswerWriter writer_;
  bool is_open_ = false;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_SERVICES_UNARY_PLACE_H_
