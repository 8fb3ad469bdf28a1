#ifndef LARDER_SERVER_RPC_SERVICES_PIPELINE_PLACE_H_
#define LARDER_SERVER_RPC_SERVICES_PIPELINE_PLACE_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "proto/wire/wire_writer.h"
#include "server/messages/service_parts.h"
#include "server/rpc/answer_writer.h"
#include "server/rpc/rpc_call.h"
#include "server/rpc/services/paced_answer.h"
#include "server/rpc/services/wire_methods.h"
#include "server/rpc/services/wire_replies.h"

namespace larder::server {

// What an answer in a Pipeline belongs to.
struct PipelineAnswerHead {
  uint64_t id = 0;
  uint32_t field = 0;  // of PipelineResponse
  Method method = Method::kPipeline;
};

// Opens the message of a PipelineResponse; returns where the `bytes` of the field go.
inline char* OpenPipelineResponse(const PipelineAnswerHead& head, size_t bytes,
                                  AnswerWriter& answer) {
  const size_t id_bytes = head.id == 0 ? 0 : VarintFieldBytes(head.id);
  const size_t all = id_bytes + BytesFieldBytes(bytes);
  WireWriter writer(answer.Open(all).Extend(all));
  if (head.id != 0) writer.Varint(1, head.id);
  writer.BytesHead(head.field, bytes);
  return writer.at();
}

// Sends the answer of an operation that was left open. Has its place in the in-flight limit.
class OpenPipelineAnswer final : public PacedAnswer {
 public:
  OpenPipelineAnswer(const ServiceParts& parts, const PipelineAnswerHead& head, RpcCall& call,
                     OpenOperations* open)
      : ticket_(call.Defer()), letter_(std::make_unique<Letter>(parts, head, open)) {}

  ~OpenPipelineAnswer() override {
    if (letter_ != nullptr) Send({}, absl::InternalError("the operation was given up"));
  }

  void Send(std::string message, const absl::Status& status) override {
    letter_->message = std::move(message);
    letter_->status = status;
    ticket_.Complete(std::move(letter_));
  }
  void SendPaced(std::string message, const absl::Status& status, HeldBytes held) override {
    letter_->is_paced = true;
    letter_->held = std::move(held);
    Send(std::move(message), status);
  }

 private:
  class Letter final : public CallCompletion {
   public:
    Letter(const ServiceParts& parts, const PipelineAnswerHead& head, OpenOperations* open)
        : metrics_(parts.metrics), inflight_(parts.inflight), head_(head), open_(open) {}
    ~Letter() override {
      if (is_sent_) return;
      Count(absl::StatusCode::kCancelled);
      inflight_->Leave();
    }

    bool waits_for_reader() const override { return is_paced; }
    void Run(RpcCall& call) override {
      is_sent_ = true;
      if (status.ok()) {
        AnswerWriter answer(&call);
        CopyInto(OpenPipelineResponse(head_, message.size(), answer));
        answer.Close();
      } else {
        SendPipelineError(head_.id, status, call);
      }
      Count(status.code());
      call.KeepPlace(inflight_);
      open_->OnAnsweredLater();
    }

    std::string message;
    absl::Status status;
    bool is_paced = false;
    HeldBytes held;

   private:
    void CopyInto(char* at) const { message.copy(at, message.size()); }
    void Count(absl::StatusCode code) const {
      metrics_->Record(head_.method, code,
                       absl::FromChrono(std::chrono::steady_clock::now() - started_));
    }

    RequestMetrics* const metrics_;
    InflightLimit* const inflight_;
    const PipelineAnswerHead head_;
    OpenOperations* const open_;  // goes with the call
    const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
    bool is_sent_ = false;
  };

  CallTicket ticket_;
  std::unique_ptr<Letter> letter_;
};

// Writes a field of a PipelineResponse.
class PipelinePlace final : public AnswerPlace {
 public:
  PipelinePlace(const ServiceParts& parts, const PipelineAnswerHead& head, RpcCall* call,
                OpenOperations* open)
      : parts_(parts), head_(head), call_(call), open_(open), writer_(call) {}

  char* Take(size_t bytes) override { return OpenPipelineResponse(head_, bytes, writer_); }
  // Sends what was taken and written.
  void Close() { writer_.Close(); }
  std::unique_ptr<OpenAnswer> Open() override {
    is_open_ = true;
    open_->OnLeftOpen();
    return std::make_unique<OpenPipelineAnswer>(parts_, head_, *call_, open_);
  }
  bool is_open() const { return is_open_; }

 private:
  const ServiceParts& parts_;
  const PipelineAnswerHead head_;
  RpcCall* const call_;
  OpenOperations* const open_;
  AnswerWriter writer_;
  bool is_open_ = false;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_SERVICES_PIPELINE_PLACE_H_
