#ifndef LARDER_CLIENT_CHANNEL_CHANNEL_CALL_H_
#define LARDER_CLIENT_CHANNEL_CHANNEL_CALL_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "client/channel/client_stream.h"
#include "client/channel/loop_time.h"

namespace larder {

class ChannelConnection;

// How a call ended, as gRPC says it.
struct ChannelStatus {
  int code = 0;  // of gRPC; 0: OK
  std::string message;
  std::string details;  // of grpc-status-details-bin
};

// What the server has seen of a call, as far as can be known.
enum class CallFate : uint8_t {
  kNotSent,   // nothing, or it has said that it did not look at it
  kLost,      // perhaps all of it; the answer did not come, or not whole
  kAnswered,  // the status is the server's
};

// One attempt of a unary call: what is asked, and then what was answered. Who makes it keeps it
// until OnDone, and may use it again for another attempt.
class ChannelCall : public http2::ClientStream {
 public:
  static constexpr size_t kPrefixBytes = 5;

  virtual ~ChannelCall() = default;
  ChannelCall(const ChannelCall&) = delete;
  ChannelCall& operator=(const ChannelCall&) = delete;

  // Called once for each attempt, on a thread of the channel, which must not be blocked. The last
  // thing that the channel does with the call.
  virtual void OnDone() = 0;

  // Whether an answer's message of that length, of which nothing has come yet, is to be kept. False
  // ends the call with RESOURCE_EXHAUSTED.
  virtual bool AdmitAnswer(size_t /*message_bytes*/) { return true; }

  // Makes room for a request's message and returns where it goes.
  char* ResizeRequest(size_t message_bytes);
  // Takes a request's message that stands behind kPrefixBytes of any content, without a copy.
  void AdoptRequest(std::string prefixed);
  std::string_view request_message() const {
    return std::string_view(request_).substr(kPrefixBytes);
  }

  // To be set before each attempt.
  std::string_view path;  // "/package.Service/Method"; the bytes outlive the channel
  LoopTime deadline = kNoTime;

  // What became of it.
  ChannelStatus status;
  std::string response;  // the answer's message; whole if the status is OK
  CallFate fate() const { return fate_; }

 protected:
  ChannelCall() = default;

 private:
  friend class CallQueue;
  friend class ChannelConnection;
  friend class ChannelLoop;
  friend class DeadlineWheel;

  void WritePrefix();
  // Forgets what the attempt before has left.
  void BeginAttempt();

  std::string request_;  // with its prefix

  // What has come of the answer's message.
  char answer_prefix_[kPrefixBytes] = {};
  uint8_t answer_prefix_bytes_ = 0;
  uint32_t answer_bytes_ = 0;

  // What the channel keeps of the call.
  ChannelConnection* connection_ = nullptr;  // that it was started on
  uint32_t place_ = 0;
  CallFate fate_ = CallFate::kNotSent;
  bool was_moved_ = false;   // from a connection that refused it to another
  bool is_refused_ = false;  // the server has not looked at it
  bool is_queued_for_connection_ = false;
  ChannelCall* queue_before_ = nullptr;
  ChannelCall* queue_after_ = nullptr;
  ChannelCall* wheel_before_ = nullptr;
  ChannelCall* wheel_after_ = nullptr;
  int32_t wheel_bucket_ = -1;  // -1: in none
};

// Calls that wait for a connection, in their order. Does not own them. Not thread-safe.
class CallQueue {
 public:
  bool empty() const { return first_ == nullptr; }
  void Push(ChannelCall& call);
  // REQUIRES: not empty().
  ChannelCall& Pop();
  // REQUIRES: it is in this queue.
  void Remove(ChannelCall& call);

 private:
  ChannelCall* first_ = nullptr;
  ChannelCall* last_ = nullptr;
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_CHANNEL_CALL_H_
