#ifndef LARDER_SERVER_MESSAGES_MESSAGE_REPLIES_H_
#define LARDER_SERVER_MESSAGES_MESSAGE_REPLIES_H_

#include <memory>

#include "server/handlers/maintenance_handler.h"
#include "server/handlers/replication_handler.h"
#include "server/handlers/reply.h"
#include "server/messages/completion.h"

namespace larder::v1 {
class AppendResponse;
class DeleteResponse;
class DigestResponse;
class FlushResponse;
class GetConfigResponse;
class GetResponse;
class IncrementResponse;
class LeaseResponse;
class LeaseValue;
class MemoryStatsResponse;
class ReplicaOfResponse;
class ReplicationResponse;
class ScanResponse;
class SetConfigResponse;
class SetResponse;
class SlotStatsResponse;
class StatsResponse;
class TouchResponse;
}  // namespace larder::v1

namespace larder::server {

// Replies that write into a response message, then tell a completion. Both are borrowed and are not
// touched after the completion was told.

// What they have in common. `ReplyType` is the handler's reply.
template <typename ReplyType, typename Response>
class MessageReplyOf : public ReplyType {
 public:
  MessageReplyOf(Response* response, Completion* completion)
      : response_(response), completion_(completion) {}

  void Fail(const absl::Status& status) override { completion_->Done(status); }
  ReplyType& Later() override {
    completion_->KeepOpen();
    return *this;
  }
  std::string DescribePeer() const { return completion_->DescribePeer(); }

 protected:
  ~MessageReplyOf() = default;
  Response* response() { return response_; }
  void Done() { completion_->Done(absl::OkStatus()); }

 private:
  Response* const response_;
  Completion* const completion_;
};

// A reply that takes no value: Complete is instantiated per message in the source file.
template <typename Answer, typename Response>
class MessageReply final : public MessageReplyOf<Reply<Answer>, Response> {
 public:
  using MessageReplyOf<Reply<Answer>, Response>::MessageReplyOf;

  void Complete(const Answer& answer) override;
};

using DeleteMessageReply = MessageReply<DeleteAnswer, v1::DeleteResponse>;
using TouchMessageReply = MessageReply<TouchAnswer, v1::TouchResponse>;
using IncrementMessageReply = MessageReply<IncrementAnswer, v1::IncrementResponse>;
using AppendMessageReply = MessageReply<AppendAnswer, v1::AppendResponse>;
using StatsMessageReply = MessageReply<StatsAnswer, v1::StatsResponse>;
using MemoryStatsMessageReply = MessageReply<MemoryStatsAnswer, v1::MemoryStatsResponse>;
using SlotStatsMessageReply = MessageReply<SlotStatsAnswer, v1::SlotStatsResponse>;
using FlushMessageReply = MessageReply<FlushAnswer, v1::FlushResponse>;
using DigestMessageReply = MessageReply<DigestAnswer, v1::DigestResponse>;
using ReplicaOfMessageReply = MessageReply<ReplicaOfAnswer, v1::ReplicaOfResponse>;
using ReplicationMessageReply = MessageReply<ReplicationAnswer, v1::ReplicationResponse>;
using GetConfigMessageReply = MessageReply<GetConfigAnswer, v1::GetConfigResponse>;
using SetConfigMessageReply = MessageReply<SetConfigAnswer, v1::SetConfigResponse>;

class GetMessageReply final : public MessageReplyOf<GetReply, v1::GetResponse> {
 public:
  using MessageReplyOf::MessageReplyOf;

  char* Reserve(const storage::EntryInfo& info, size_t value_bytes) override;
  void Complete(const GetAnswer& answer) override;
};

class SetMessageReply final : public MessageReplyOf<SetReply, v1::SetResponse> {
 public:
  using MessageReplyOf::MessageReplyOf;

  char* Reserve(const storage::EntryInfo& info, size_t value_bytes) override;
  void Complete(const SetAnswer& answer) override;
};

// The value waits apart until it is known whether it is a hit's, a granted lease's or a held one's.
class LeaseMessageReply final : public MessageReplyOf<LeaseReply, v1::LeaseResponse> {
 public:
  LeaseMessageReply(v1::LeaseResponse* response, Completion* completion);
  ~LeaseMessageReply();

  char* Reserve(const storage::EntryInfo& info, size_t value_bytes) override;
  void Complete(const LeaseAnswer& answer) override;

 private:
  std::unique_ptr<v1::LeaseValue> value_;
};

class ScanMessageReply final : public MessageReplyOf<ScanReply, v1::ScanResponse> {
 public:
  using MessageReplyOf::MessageReplyOf;

  char* Add(std::string_view key, const storage::EntryInfo& info, size_t value_bytes) override;
  void Complete(const ScanAnswer& answer) override;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_MESSAGES_MESSAGE_REPLIES_H_
