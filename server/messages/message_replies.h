#ifndef LARDER_SERVER_MESSAGES_MESSAGE_REPLIES_H_
#define LARDER_SERVER_MESSAGES_MESSAGE_REPLIES_H_

#include <memory>

#include "server/handlers/maintenance_handler.h"
#include "server/handlers/reply.h"
#include "server/messages/completion.h"

namespace larder::v1 {
class AppendResponse;
class DeleteResponse;
class FlushResponse;
class GetConfigResponse;
class GetResponse;
class IncrementResponse;
class LeaseResponse;
class LeaseValue;
class MemoryStatsResponse;
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

// A reply that takes no value: Complete is instantiated per message in the source file.
template <typename Answer, typename Response>
class MessageReply final : public Reply<Answer> {
 public:
  MessageReply(Response* response, Completion* completion)
      : response_(response), completion_(completion) {}

  void Complete(const Answer& answer) override;
  void Fail(const absl::Status& status) override { completion_->Done(status); }
  MessageReply& Later() override {
    completion_->KeepOpen();
    return *this;
  }

 private:
  Response* const response_;
  Completion* const completion_;
};

using DeleteMessageReply = MessageReply<DeleteAnswer, v1::DeleteResponse>;
using TouchMessageReply = MessageReply<TouchAnswer, v1::TouchResponse>;
using IncrementMessageReply = MessageReply<IncrementAnswer, v1::IncrementResponse>;
using AppendMessageReply = MessageReply<AppendAnswer, v1::AppendResponse>;
using StatsMessageReply = MessageReply<StatsAnswer, v1::StatsResponse>;
using MemoryStatsMessageReply = MessageReply<MemoryStatsAnswer, v1::MemoryStatsResponse>;
using SlotStatsMessageReply = MessageReply<SlotStatsAnswer, v1::SlotStatsResponse>;
using FlushMessageReply = MessageReply<FlushAnswer, v1::FlushResponse>;
using GetConfigMessageReply = MessageReply<GetConfigAnswer, v1::GetConfigResponse>;
using SetConfigMessageReply = MessageReply<SetConfigAnswer, v1::SetConfigResponse>;

class GetMessageReply final : public GetReply {
 public:
  GetMessageReply(v1::GetResponse* response, Completion* completion)
      : response_(response), completion_(completion) {}

  char* Reserve(const storage::EntryInfo& info, size_t value_bytes) override;
  void Complete(const GetAnswer& answer) override;
  void Fail(const absl::Status& status) override { completion_->Done(status); }
  GetMessageReply& Later() override {
    completion_->KeepOpen();
    return *this;
  }

 private:
  v1::GetResponse* const response_;
  Completion* const completion_;
};

class SetMessageReply final : public SetReply {
 public:
  SetMessageReply(v1::SetResponse* response, Completion* completion)
      : response_(response), completion_(completion) {}

  char* Reserve(const storage::EntryInfo& info, size_t value_bytes) override;
  void Complete(const SetAnswer& answer) override;
  void Fail(const absl::Status& status) override { completion_->Done(status); }
  SetMessageReply& Later() override {
    completion_->KeepOpen();
    return *this;
  }

 private:
  v1::SetResponse* const response_;
  Completion* const completion_;
};

// The value waits apart until it is known whether it is a hit's, a granted lease's or a held one's.
class LeaseMessageReply final : public LeaseReply {
 public:
  LeaseMessageReply(v1::LeaseResponse* response, Completion* completion);
  ~LeaseMessageReply();

  char* Reserve(const storage::EntryInfo& info, size_t value_bytes) override;
  void Complete(const LeaseAnswer& answer) override;
  void Fail(const absl::Status& status) override { completion_->Done(status); }
  LeaseMessageReply& Later() override {
    completion_->KeepOpen();
    return *this;
  }

 private:
  v1::LeaseResponse* const response_;
  Completion* const completion_;
  std::unique_ptr<v1::LeaseValue> value_;
};

class ScanMessageReply final : public ScanReply {
 public:
  ScanMessageReply(v1::ScanResponse* response, Completion* completion)
      : response_(response), completion_(completion) {}

  char* Add(std::string_view key, const storage::EntryInfo& info, size_t value_bytes) override;
  void Complete(const ScanAnswer& answer) override;
  void Fail(const absl::Status& status) override { completion_->Done(status); }
  ScanMessageReply& Later() override {
    completion_->KeepOpen();
    return *this;
  }

 private:
  v1::ScanResponse* const response_;
  Completion* const completion_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_MESSAGES_MESSAGE_REPLIES_H_
