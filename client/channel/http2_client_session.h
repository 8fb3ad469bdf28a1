#ifndef LARDER_CLIENT_CHANNEL_HTTP2_CLIENT_SESSION_H_
#define LARDER_CLIENT_CHANNEL_HTTP2_CLIENT_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "client/channel/answer_fields.h"
#include "client/channel/client_stream.h"
#include "proto/http2/flood_guard.h"
#include "proto/http2/frame_reader.h"
#include "proto/http2/frame_writer.h"
#include "proto/http2/header_decoder.h"
#include "proto/http2/http2_frame.h"
#include "proto/http2/output_buffer.h"

namespace larder::http2 {

// What a session allows its peer, and itself.
struct ClientSessionLimits {
  uint32_t streams_max = 65536;           // at the same time, if the server permits as many
  uint32_t header_bytes_max = 16u << 10;  // of one head or of trailers, decoded; and of its blocks
  uint32_t stream_window_bytes = 1u << 20;  // of answers on their way
  uint32_t connection_window_bytes = 8u << 20;
  uint32_t output_bytes_max = 256u << 10;  // DATA waits in its call beyond, and new calls do
};

// How a stream ended without an answer.
struct StreamFailure {
  ErrorCode code = ErrorCode::kInternalError;
  bool is_by_server = false;  // its RST_STREAM
  bool is_processed = true;   // false: the server says that it has not looked at the request
  std::string_view why;       // valid during the call only
};

// Told what comes, in order. The stream is over in OnEnd and OnFailure, and may be cancelled in
// OnHead and OnBody; the session's other functions must not be called from here.
class ClientSessionListener {
 public:
  virtual void OnHead(ClientStream& stream, const AnswerFields& head) = 0;
  virtual void OnBody(ClientStream& stream, std::string_view bytes) = 0;
  // The answer is complete. `fields`: its trailers, or its head if that is all. nullptr: none, it
  // ended with DATA.
  virtual void OnEnd(ClientStream& stream, const AnswerFields* fields) = 0;
  virtual void OnFailure(ClientStream& stream, const StreamFailure& failure) = 0;

 protected:
  ~ClientSessionListener() = default;
};

// The client's side of one HTTP/2 connection (RFC 9113) as a machine without socket and clock:
// streams are started, bytes go to an output, bytes come in, a listener is told of answers. HPACK
// is nghttp2's; requests are sent without a dynamic table, so that their blocks are constants. Not
// thread-safe.
class Http2ClientSession {
 public:
  // Both pointers outlive the session. Writes what a connection begins with.
  Http2ClientSession(const ClientSessionLimits& limits, ClientSessionListener* listener,
                     OutputBuffer* output);

  // Takes what came from the socket. False: the session has failed, and failure() says why; the
  // connection is to be closed when the output, which may end with a GOAWAY, is sent.
  bool Receive(std::string_view bytes);
  // Some of the output was sent: DATA that waited for that follows.
  void OnOutputSent();
  // Ends all streams with OnFailure.
  void Close(std::string_view why);

  // A stream may be started now.
  bool CanStart() const {
    return stage_ == Stage::kFrames && !is_draining_ && next_id_ <= kStreamIdMask &&
           streams_.size() < streams_max_ && output_->size() < limits_.output_bytes_max;
  }
  // Sends a request. `block`: its fields, HPACK without references to a dynamic table. `body` is
  // borrowed until the stream is over. REQUIRES: CanStart().
  void Start(ClientStream& stream, std::string_view block, std::string_view body);
  // Resets a stream; the listener is not told.
  void Cancel(ClientStream& stream, ErrorCode code);

  void SendPing();
  // Lets the guard against floods forget.
  void OnSecondsPassed(uint32_t seconds) { guard_.OnSecondsPassed(seconds); }

  // The server has said what an HTTP/2 connection begins with.
  bool is_established() const { return stage_ == Stage::kFrames; }
  // The server takes no more streams, or there are no more numbers for them.
  bool is_draining() const { return is_draining_ || next_id_ > kStreamIdMask; }
  size_t streams() const { return streams_.size(); }
  // Of the session, or what a GOAWAY said.
  const std::string& failure() const { return failure_; }
  void ReleaseMemory();

 private:
  enum class Stage : uint8_t { kSettings, kFrames, kFailed };

  // A header block and what it was decoded to; empty: not to be used again.
  struct DecodedBlock {
    explicit DecodedBlock(size_t bytes_max) : fields(bytes_max) {}
    std::string block;
    AnswerFields fields;
  };

  bool OnFrame(const FrameHeader& frame, std::string_view payload);
  bool OnData(const FrameHeader& frame, std::string_view payload);
  bool OnHeaders(const FrameHeader& frame, std::string_view payload);
  bool OnContinuation(const FrameHeader& frame, std::string_view payload);
  bool OnHeaderBlock(uint32_t stream_id, bool ends_stream, std::string_view block);
  bool OnHeadFields(ClientStream& stream, bool ends_stream, const AnswerFields& fields);
  bool OnTrailerFields(ClientStream& stream, bool ends_stream, const AnswerFields& fields);
  bool OnRstStream(const FrameHeader& frame, std::string_view payload);
  bool OnSettings(const FrameHeader& frame, std::string_view payload);
  bool OnSetting(Setting setting, uint32_t value);
  bool OnPing(const FrameHeader& frame, std::string_view payload);
  bool OnGoaway(const FrameHeader& frame, std::string_view payload);
  bool OnWindowUpdate(const FrameHeader& frame, std::string_view payload);

  bool Decode(std::string_view block, DecodedBlock& decoded);
  bool CountFlood(uint32_t cost);
  // Of a stream that is gone. What a cancelled one may still get is no flood.
  bool CountLateFrame();
  // Never opened by us.
  bool IsIdle(uint32_t id) const { return id >= next_id_ || id % 2 == 0; }
  ClientStream* Find(uint32_t id);

  // It is no more the session's.
  void Drop(ClientStream& stream);
  void End(ClientStream& stream, const AnswerFields* fields);
  // The connection fails: says so with a GOAWAY and returns false.
  bool Fail(ErrorCode code, std::string_view why);
  // The stream fails, and is reset.
  bool FailStream(ClientStream& stream, ErrorCode code, std::string_view why);

  void WriteHello();
  void ReceiveIntoWindow(ClientStream* stream, uint32_t bytes);
  int64_t SendableBytes(const ClientStream& stream) const;
  // Sends of what is unsent what may be sent.
  void Flush(ClientStream& stream);
  void Block(ClientStream& stream);
  void FlushBlocked();
  void FlushAll();

  const ClientSessionLimits limits_;
  ClientSessionListener* const listener_;
  OutputBuffer* const output_;
  FrameWriter writer_;
  Stage stage_ = Stage::kSettings;
  bool is_draining_ = false;
  std::string failure_;
  FrameReader reader_;
  HeaderDecoder decoder_;
  DecodedBlock head_;
  DecodedBlock trailers_;
  FloodGuard guard_;
  uint64_t late_frames_ = 0;  // that cancelled streams may still get

  // A header block that is not complete.
  std::string header_block_;
  uint32_t header_stream_ = 0;  // 0: there is none
  bool header_ends_stream_ = false;
  uint32_t continuations_ = 0;

  absl::flat_hash_map<uint32_t, ClientStream*> streams_;
  std::deque<uint32_t> blocked_;
  uint32_t next_id_ = 1;
  size_t streams_max_;

  int64_t send_window_ = kDefaultWindow;
  int64_t receive_window_ = kDefaultWindow;
  uint32_t unreturned_bytes_ = 0;
  uint32_t peer_stream_window_ = kDefaultWindow;
  uint32_t peer_frame_bytes_max_ = kDefaultFrameBytesMax;
};

}  // namespace larder::http2

#endif  // LARDER_CLIENT_CHANNEL_HTTP2_CLIENT_SESSION_H_
