#ifndef LARDER_SERVER_RPC_HTTP2_SESSION_H_
#define LARDER_SERVER_RPC_HTTP2_SESSION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "proto/http2/session.h"
#include "server/metrics/transport_metrics.h"
#include "server/rpc/http2_stream.h"
#include "server/rpc/request_head.h"

namespace larder::http2 {

// Told what comes. A stream may be ended or reset from within each of these, but not the session.
class SessionListener {
 public:
  virtual RequestStream* NewStream() = 0;
  // The stream is over, answered or not.
  virtual void DropStream(Stream& stream) = 0;
  // Whether the metadata of requests with this path is wanted. The same path always has the same
  // answer.
  virtual bool ReadsMetadata(std::string_view path) = 0;
  // A request begins; stream.remote_ended: and has no body.
  virtual void OnHead(Stream& stream, const server::RequestHead& head) = 0;
  // A piece of the body; stream.remote_ended: the last one, which may be empty.
  virtual void OnBody(Stream& stream, std::string_view bytes) = 0;
  // The session resets a stream, which may be one that was never told.
  virtual void OnStreamReset(server::StreamReset reason) = 0;
  // All pending DATA of the stream went out.
  virtual void OnUnblocked(Stream& stream) = 0;

 protected:
  ~SessionListener() = default;
};

// The server's side of one HTTP/2 connection: bytes come in, requests are told to a listener,
// answers go to an output. The headers of answers are sent without a dynamic table, so that their
// blocks are constants. Not thread-safe.
class Http2Session final : public Session {
 public:
  // All outlive the session.
  Http2Session(const SessionLimits& limits, SessionListener* listener, OutputBuffer* output);
  ~Http2Session();

  // Ends all streams as reset.
  void Close();

  // What SendQueue says of lending.
  void EnableLending() { queue_.EnableLending(); }
  bool CanLend() const { return queue_.CanLend(); }
  bool IsAboutToBeLent(const Stream& stream) const { return queue_.IsAboutToBeLent(stream); }
  void Lend(std::vector<std::string_view>& pieces) { queue_.Lend(pieces); }
  void TakeBack(absl::Span<const std::string_view> pieces, size_t sent_bytes) {
    queue_.TakeBack(pieces, sent_bytes);
  }

  // Writes an answer. Header blocks are HPACK without references to a dynamic table.
  void WriteHeaders(Stream& stream, std::string_view block) {
    writer_.Headers(stream.id, 0, block);
  }
  // DATA is written behind room for the header of its frame: to the output, and then announced by
  // CloseData, if so much can be sent at once, or else to stream.pending, for SendPending.
  bool CanSend(const Stream& stream, size_t bytes, size_t waiting_bytes) const {
    return queue_.CanSend(stream, bytes, waiting_bytes);
  }
  void CloseData(Stream& stream, size_t frame, size_t payload_bytes) {
    queue_.CloseData(stream, frame, payload_bytes);
  }
  void SendPending(Stream& stream, size_t bytes) { queue_.SendPending(stream, bytes); }
  // Ends an answer: sends the block behind all DATA. The stream may be gone on return.
  void End(RequestStream& stream, std::string_view block);
  void Reset(Stream& stream, ErrorCode code);
  // Takes back what was written to the output behind a mark, header blocks among it.
  void Rewind(size_t mark);
  // Lets the client send as much again as this stream has received, and from now on.
  void ReturnWindow(Stream& stream) {
    stream.keeps_window = false;
    GiveBackWindow(stream);
  }

  // Asks the client to open no more streams; those that are open go on.
  void SendGoaway(std::string_view why);
  // Does so with time for it to hear: streams that it opens before it has are accepted, too.
  void BeginGoaway(std::string_view why);
  // The client may open no more streams.
  bool is_draining() const { return is_draining_; }
  // Lets the guard against floods forget, and resets streams of which nothing could be sent for so
  // long.
  void OnSecondsPassed(uint32_t seconds, uint32_t unread_seconds_max);
  // Why the session has failed.
  ErrorCode failure() const { return failure_code_; }
  // How much DATA of all streams waits.
  size_t pending_bytes() const { return queue_.pending_bytes(); }
  using Session::ReleaseMemory;

 private:
  static constexpr size_t kRecent = 128;

  // A stream that was closed not long ago.
  struct Closed {
    uint32_t id;
    bool may_receive;  // the client did not know when it sent more
  };

  void WriteHello() override;
  bool OnHeaderBlock(uint32_t id, bool ends_stream, std::string_view block) override;
  bool OnBody(Stream& stream, std::string_view payload) override;
  bool OnLateBody(uint32_t id) override;
  bool OnReset(uint32_t id, Stream* stream, ErrorCode code) override;
  // Its streams go on, and then the client closes the connection.
  bool OnGoaway(uint32_t, ErrorCode, std::string_view) override { return true; }
  void OnPong(std::string_view payload) override;
  bool FailStream(uint32_t id, ErrorCode code, std::string_view why) override;
  bool FailStream(uint32_t id, ErrorCode code, server::StreamReset reason);
  void OnFlushed(Stream& stream, bool had_to_wait) override;

  bool OnRequestBlock(uint32_t id, bool ends_stream, std::string_view block);
  // `stream`: nullptr if it was closed before.
  bool OnTrailerBlock(Stream* stream, bool ends_stream, std::string_view block);
  bool DecodeHead(std::string_view block);
  const Closed* FindRecent(uint32_t id) const;
  void Drop(Stream& stream);

  SessionListener* const listener_;
  server::RequestHead head_;
  std::string head_block_;  // what head_ was decoded from; empty: not to be used again
  std::array<Closed, kRecent> recent_{};  // the last ones
  size_t recent_next_ = 0;
  bool is_draining_ = false;
  std::string goaway_why_;        // not empty: BeginGoaway was called
  uint32_t goaway_begun_at_ = 0;  // second
};

}  // namespace larder::http2

#endif  // LARDER_SERVER_RPC_HTTP2_SESSION_H_
