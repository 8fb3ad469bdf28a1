#ifndef LARDER_CLIENT_CHANNEL_HTTP2_CLIENT_SESSION_H_
#define LARDER_CLIENT_CHANNEL_HTTP2_CLIENT_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "client/channel/answer_fields.h"
#include "client/channel/client_stream.h"
#include "proto/http2/session.h"

namespace larder::http2 {

// What a client allows a server. streams_max: if the server permits as many; from output_bytes_max
// on new calls wait, too.
inline constexpr SessionLimits kClientSessionLimits = {
    .streams_max = 65536,
    .stream_window_bytes = 1u << 20,
    .connection_window_bytes = 8u << 20,
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

// The client's side of one HTTP/2 connection: streams are started, bytes go to an output, bytes
// come in, a listener is told of answers. Requests are sent without a dynamic table, so that their
// blocks are constants. Not thread-safe.
class Http2ClientSession final : public Session {
 public:
  // Both pointers outlive the session. Writes what a connection begins with.
  Http2ClientSession(const SessionLimits& limits, ClientSessionListener* listener,
                     OutputBuffer* output);

  // Ends all streams with OnFailure.
  void Close(std::string_view why);

  // A stream may be started now.
  bool CanStart() const {
    return stage_ == Stage::kFrames && !is_draining() && streams_.size() < streams_max_ &&
           output_->size() < limits_.output_bytes_max;
  }
  // Sends a request. `block`: its fields, HPACK without references to a dynamic table. `body` is
  // borrowed until the stream is over. REQUIRES: CanStart().
  void Start(ClientStream& stream, std::string_view block, std::string_view body);
  // Resets a stream; the listener is not told.
  void Cancel(ClientStream& stream, ErrorCode code);

  // Lets the guard against floods forget.
  using Session::OnSecondsPassed;
  // The server takes no more streams, or there are no more numbers for them.
  bool is_draining() const { return is_draining_ || last_stream_ == kStreamIdMask; }
  // Why the session has failed, or what a GOAWAY said.
  const std::string& failure() const { return failure_; }
  using Session::ReleaseMemory;

 private:
  // A header block and what it was decoded to; empty: not to be used again.
  struct DecodedBlock {
    explicit DecodedBlock(size_t bytes_max) : fields(bytes_max) {}
    std::string block;
    AnswerFields fields;
  };

  void WriteHello() override;
  bool OnHeaderBlock(uint32_t id, bool ends_stream, std::string_view block) override;
  bool OnBody(Stream& stream, std::string_view payload) override;
  // The stream was cancelled.
  bool OnLateBody(uint32_t) override { return true; }
  bool OnReset(uint32_t id, Stream* stream, ErrorCode code) override;
  bool OnGoaway(uint32_t last_stream, ErrorCode code, std::string_view why) override;
  void OnStreamsMax(uint32_t streams) override;
  bool FailStream(uint32_t id, ErrorCode code, std::string_view why) override;

  bool OnHeadFields(ClientStream& stream, bool ends_stream, const AnswerFields& fields);
  bool OnTrailerFields(ClientStream& stream, bool ends_stream, const AnswerFields& fields);
  bool Decode(std::string_view block, DecodedBlock& decoded);
  // Counts a frame of a stream that is gone. What a cancelled one may still get is no flood.
  bool CountLateFrame();
  void Drop(ClientStream& stream);
  void End(ClientStream& stream, const AnswerFields* fields);

  ClientSessionListener* const listener_;
  bool is_draining_ = false;
  DecodedBlock head_;
  DecodedBlock trailers_;
  uint64_t late_frames_ = 0;  // that cancelled streams may still get
  size_t streams_max_;
};

}  // namespace larder::http2

#endif  // LARDER_CLIENT_CHANNEL_HTTP2_CLIENT_SESSION_H_
