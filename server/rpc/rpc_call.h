#ifndef LARDER_SERVER_RPC_RPC_CALL_H_
#define LARDER_SERVER_RPC_RPC_CALL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/channel/loop_time.h"
#include "server/rpc/call_mailbox.h"
#include "server/rpc/call_state.h"
#include "server/rpc/http2_stream.h"
#include "server/rpc/message_reader.h"
#include "server/rpc/metadata.h"
#include "server/rpc/request_head.h"
#include "server/rpc/rpc_method.h"

namespace larder::server {

class AnswerWriter;
class InflightLimit;
class RpcConnection;

// What a call has while it lasts, and what ends with it.
class CallAttachment {
 public:
  virtual ~CallAttachment() = default;
};

// One gRPC call: takes the answer's messages and its status. Belongs to a connection and to the
// thread of its loop; used again for other calls when it is over.
class RpcCall final : public http2::RequestStream {
 public:
  // Sends a message of the answer. One that is not in one piece yet is written by an AnswerWriter.
  void SendMessage(std::string_view message);

  // The call has a place in this limit, which it leaves when what it was sent for was sent, or
  // could not be. While it has some in one limit, those of others are left at once.
  void KeepPlace(InflightLimit* limit);

  // Leaves the call open when its method returns, for whoever has the ticket to go on with; the
  // request's bytes are gone by then. Meanwhile the call may end: by its client, its deadline, or
  // with its connection. A drain waits for it. A streaming call may be deferred several times at
  // once, and takes messages as before; it is for its method not to finish it too soon.
  CallTicket Defer();

  // Leaves the call open as Defer does, to go on in a later turn of its connection, which begins no
  // other call before. Only while its method or `rest` runs.
  void Pause(std::unique_ptr<CallCompletion> rest);
  // Reads a clock. Whether the connection has had its turn, and what runs should pause if it can.
  bool IsTurnOver();
  // Keeps the request of a unary call as long as it is open; returns where it is from now on. What
  // came in one frame is copied. Once, while its method runs.
  std::string_view KeepRequest(std::string_view request);
  // Gives away the request of a unary call, behind so many bytes of any content: its memory if it
  // lies in memory of its own, or a copy. Once, while its method runs; the request is void then.
  std::string TakeRequest(std::string_view request, size_t bytes_before);
  // Destroys what is attached as soon as the call is over, however it ends. Once for a call.
  void Attach(std::unique_ptr<CallAttachment> attachment) { attachment_ = std::move(attachment); }

  // Ends the call, which is not to be touched any more. An error is sent with its details.
  void Finish(const absl::Status& status);

  // What came with the request; empty if the method does not say reads_metadata().
  const Metadata& metadata() const;
  // Sent before the first message or, if there is none, before the status. The errors are those of
  // SentMetadata::Add; FAILED_PRECONDITION: SendHead or a message came before.
  absl::Status AddInitialMetadata(std::string_view name, std::string_view value);
  // Sent with the status. The errors are those of SentMetadata::Add.
  absl::Status AddTrailingMetadata(std::string_view name, std::string_view value);
  // Sends the initial metadata now, and not with the first message. Once, before any message.
  void SendHead();

  // Who calls, for a log.
  std::string DescribePeer() const;
  // What the client wants if this node does not own the key's slot.
  RoutingWish routing() const { return routing_; }
  // Another node has sent the call on.
  bool is_forwarded() const { return is_forwarded_; }
  // The same, and it has proven to be a node, if nodes can.
  bool is_from_node() const { return is_from_node_; }
  // kNoTime: it has none.
  LoopTime deadline() const { return deadline_; }
  // When what runs now came.
  LoopTime received_at() const;
  // Says what a clock has just shown, after work that may have taken long: it ends the turn of the
  // connection when that is over, and passes for the time when the next call begins.
  void TellTime(LoopTime now);

 private:
  friend class AnswerWriter;
  friend class CallRunner;
  friend class RpcConnection;

  // What the few calls have that have any metadata.
  struct CallMetadata {
    Metadata received;
    SentMetadata initial;
    SentMetadata trailing;
  };

  // Makes it as new.
  void Reset();
  CallMetadata& NeedMetadata();
  // The errors are those of Metadata::Add.
  absl::Status TakeMetadata(const RequestHead& head);
  bool HasInitialMetadata() const;
  void WriteHead();
  void LeavePlaces();

  RpcConnection* connection_ = nullptr;
  const RpcMethod* method_ = nullptr;
  InflightLimit* limit_ = nullptr;
  int places_ = 0;  // in limit_
  std::unique_ptr<StreamingCall> streaming_;
  LoopTime deadline_ = kNoTime;
  RoutingWish routing_ = RoutingWish::kForward;
  bool is_forwarded_ = false;
  bool is_from_node_ = false;
  CallState state_ = CallState::kReading;
  MessageReader reader_;
  // Messages that were taken and are not run yet; what they borrow from goes when Receive returns.
  std::vector<std::string_view> gathered_;
  uint32_t deferred_ = 0;         // tickets that were not used
  std::string_view http_status_;  // in CallState::kNotGrpc
  std::unique_ptr<CallMetadata> metadata_;
  bool has_head_ = false;  // that of the answer is written
  std::unique_ptr<CallAttachment> attachment_;
  AnswerWriter* open_message_ = nullptr;  // the one that is being written
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_RPC_CALL_H_
