#ifndef LARDER_CLIENT_CHANNEL_CHANNEL_CONNECTION_H_
#define LARDER_CLIENT_CHANNEL_CHANNEL_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "client/channel/channel_call.h"
#include "client/channel/http2_client_session.h"
#include "client/channel/loop_time.h"
#include "client/channel/request_blocks.h"
#include "proto/http2/output_buffer.h"

namespace larder {

struct ChannelConnectionLimits {
  http2::SessionLimits session = http2::kClientSessionLimits;
  size_t answer_bytes_max = size_t{8} << 20;  // of one message
};

// The client's side of gRPC on one connection (gRPC over HTTP/2): calls become streams, answers
// messages and statuses. A machine as Http2ClientSession is: no socket, no clock. Does not own the
// calls. Not thread-safe.
class ChannelConnection final : public http2::ClientSessionListener {
 public:
  ChannelConnection(const ChannelConnectionLimits& limits, RequestOrigin origin);
  ChannelConnection(const ChannelConnection&) = delete;
  ChannelConnection& operator=(const ChannelConnection&) = delete;

  bool CanStart() const { return session_.CanStart(); }
  // REQUIRES: CanStart().
  void Start(ChannelCall& call, LoopTime now);
  // Ends a call that was started here and has not ended. It is not among those of TakeEnded().
  void Cancel(ChannelCall& call);

  // False: the connection has failed; see Http2ClientSession::Receive.
  bool Receive(std::string_view bytes) { return session_.Receive(bytes); }
  void OnOutputSent() { session_.OnOutputSent(); }
  // Ends all calls with UNAVAILABLE.
  void Close(std::string_view why) { session_.Close(why); }
  void SendPing() { session_.SendPing(); }
  void OnSecondsPassed(uint32_t seconds) { session_.OnSecondsPassed(seconds); }
  void ReleaseMemory() { session_.ReleaseMemory(); }

  // Calls whose status is set since this was asked before; is_refused() for those that the server
  // has not looked at.
  std::vector<ChannelCall*> TakeEnded();
  bool HasEnded() const { return !ended_.empty(); }

  OutputBuffer& output() { return output_; }
  const OutputBuffer& output() const { return output_; }
  bool is_established() const { return session_.is_established(); }
  bool is_draining() const { return session_.is_draining(); }
  size_t calls() const { return session_.streams(); }
  uint64_t answers() const { return answers_; }  // that came since it began
  const std::string& failure() const { return session_.failure(); }

 private:
  void OnHead(http2::ClientStream& stream, const AnswerFields& head) override;
  void OnBody(http2::ClientStream& stream, std::string_view bytes) override;
  void OnEnd(http2::ClientStream& stream, const AnswerFields* fields) override;
  void OnFailure(http2::ClientStream& stream, const http2::StreamFailure& failure) override;

  // What a whole answer says.
  ChannelStatus StatusOf(const ChannelCall& call, const AnswerFields* fields) const;
  void End(ChannelCall& call, ChannelStatus status);
  // Ends it, and tells the server that nobody waits for the rest.
  void EndEarly(ChannelCall& call, ChannelStatus status);

  const size_t answer_bytes_max_;
  OutputBuffer output_;
  RequestBlocks blocks_;
  http2::Http2ClientSession session_;
  std::vector<ChannelCall*> ended_;
  uint64_t answers_ = 0;
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_CHANNEL_CONNECTION_H_
