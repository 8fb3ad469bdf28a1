#ifndef LARDER_SERVER_RPC_HTTP2_SESSION_H_
#define LARDER_SERVER_RPC_HTTP2_SESSION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "proto/http2/flood_guard.h"
#include "proto/http2/frame_reader.h"
#include "proto/http2/frame_writer.h"
#include "proto/http2/header_decoder.h"
#include "proto/http2/http2_frame.h"
#include "proto/http2/output_buffer.h"
#include "server/metrics/transport_metrics.h"
#include "server/rpc/http2_stream.h"
#include "server/rpc/request_head.h"

namespace larder::http2 {

// What a session allows its peer.
struct SessionLimits {
  uint32_t streams_max = 1024;                // at the same time
  uint32_t header_bytes_max = 16u << 10;      // of one request, decoded; and of its blocks
  uint32_t stream_window_bytes = 256u << 10;  // of requests that were not read yet
  uint32_t connection_window_bytes = 1024u << 10;
  uint32_t output_bytes_max = 256u << 10;  // DATA waits in its stream beyond
  uint32_t lent_bytes_min = 32u << 10;     // what a stream has waiting is lent from here on
};

// Told what comes. A stream may be ended or reset from within each of these, but not the session.
class SessionListener {
 public:
  virtual Stream* NewStream() = 0;
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

// The server's side of one HTTP/2 connection (RFC 9113) as a machine without socket and clock:
// bytes come in, streams are told to a listener, bytes go to an output. HPACK is nghttp2's; the
// headers of answers are sent without a dynamic table, so that their blocks are constants. Not
// thread-safe.
class Http2Session {
 public:
  // All outlive the session.
  Http2Session(const SessionLimits& limits, SessionListener* listener, OutputBuffer* output);
  ~Http2Session();

  // Takes what came from the socket. False: the connection is to be closed when the output is sent,
  // which ends with a GOAWAY that says why.
  bool Receive(std::string_view bytes);
  // From within a call of the listener: Receive returns after the frame at hand and leaves what
  // comes behind it in unread(), to be given again.
  void Pause() { is_paused_ = true; }
  std::string_view unread() const { return unread_; }
  // Some of the output was sent: DATA that waited for that follows.
  void OnOutputSent();

  // From now on DATA that waits is not copied to the output, but lent to who sends it, unless it is
  // little.
  void EnableLending() { lends_ = true; }
  // DATA waits that may be sent.
  bool CanLend() const;
  // What is pending waits for nothing but the next Lend, and is not much.
  bool IsAboutToBeLent(const Stream& stream) const {
    return lends_ && stream.is_queued && SendableBytes(stream, output_->size()) > 0 &&
           stream.pending.size() < limits_.output_bytes_max;
  }
  // What is to be sent next: the output, with DATA from where it waits. Nothing else of the session
  // may be called before TakeBack. `pieces`: empty.
  void Lend(std::vector<std::string_view>& pieces);
  // So many bytes of those pieces were sent; the rest is in the output.
  void TakeBack(absl::Span<const std::string_view> pieces, size_t sent_bytes);
  // Ends all streams as reset.
  void Close();

  // Writes an answer. Header blocks are HPACK without references to a dynamic table.
  void WriteHeaders(Stream& stream, std::string_view block);
  // DATA is written behind room for the header of its frame: to the output, and then announced by
  // CloseData, if so much can be sent at once, or else to stream.pending, for SendPending.
  // `waiting_bytes`: what is in the output before it.
  bool CanSend(const Stream& stream, size_t bytes, size_t waiting_bytes) const {
    return !stream.is_blocked && bytes <= kUnsplitBytesMax &&
           static_cast<int64_t>(bytes) <= SendableBytes(stream, waiting_bytes);
  }
  // The payload is behind the room at this mark of the output, up to its end; if the client does
  // not take frames of that size, it is parted into several.
  void CloseData(Stream& stream, size_t frame, size_t payload_bytes);
  // So many bytes were added to stream.pending.
  void SendPending(Stream& stream, size_t bytes);
  // The last of an answer: sends the block behind all DATA. The stream may be gone on return.
  void End(Stream& stream, std::string_view block);
  void Reset(Stream& stream, ErrorCode code);
  // Takes back what was written to the output behind a mark, header blocks among it.
  void Rewind(size_t mark);

  // Lets the client send as much again as this stream has received, and from now on.
  void ReturnWindow(Stream& stream);

  // Asks the client to open no more streams; those that are open go on.
  void SendGoaway(std::string_view why);
  // The same with time for it to hear: streams that it opens before it has are accepted, too.
  void BeginGoaway(std::string_view why);
  // The client may open no more streams.
  bool is_draining() const { return is_draining_; }
  void SendPing();
  // Counts work that a client causes with few bytes; false: it is too much, and the session fails.
  bool CountFlood(uint32_t cost);
  // Lets the guard against floods forget, and resets streams of which nothing could be sent for so
  // long.
  void OnSecondsPassed(uint32_t seconds, uint32_t unread_seconds_max);
  // The client has said what an HTTP/2 connection begins with.
  bool is_established() const { return stage_ == Stage::kFrames; }
  // The connection is to be closed when the output is sent.
  bool has_failed() const { return stage_ == Stage::kFailed; }
  // Why a session has failed.
  ErrorCode failure() const { return failure_; }

  size_t streams() const { return streams_.size(); }
  std::vector<uint32_t> StreamIds() const;
  // Nullptr: it is over.
  Stream* Find(uint32_t id);
  // Of all streams.
  size_t pending_bytes() const { return pending_bytes_; }
  void ReleaseMemory();

 private:
  enum class Stage : uint8_t { kStart, kSettings, kFrames, kFailed };
  static constexpr size_t kRecent = 128;
  // DATA that goes to the output at once: what is longer would hold up other streams.
  static constexpr size_t kUnsplitBytesMax = size_t{64} << 10;
  static constexpr size_t kLentFramesMax = 64;  // at a time

  // A stream that was closed not long ago.
  struct Closed {
    uint32_t id;
    bool may_receive;  // the client did not know when it sent more
  };

  bool ReceivePreface(std::string_view& bytes);
  bool OnFrame(const FrameHeader& frame, std::string_view payload);
  bool OnData(const FrameHeader& frame, std::string_view payload);
  bool OnHeaders(const FrameHeader& frame, std::string_view payload);
  bool OnContinuation(const FrameHeader& frame, std::string_view payload);
  bool OnPriority(const FrameHeader& frame, std::string_view payload);
  bool OnRstStream(const FrameHeader& frame, std::string_view payload);
  bool OnSettings(const FrameHeader& frame, std::string_view payload);
  bool OnSetting(Setting setting, uint32_t value);
  bool OnPing(const FrameHeader& frame, std::string_view payload);
  bool OnWindowUpdate(const FrameHeader& frame, std::string_view payload);

  bool OnHeaderBlock(uint32_t stream_id, bool ends_stream, std::string_view block);
  bool OnRequestBlock(uint32_t stream_id, bool ends_stream, std::string_view block);
  // `stream`: nullptr if it was closed before.
  bool OnTrailerBlock(Stream* stream, bool ends_stream, std::string_view block);
  bool DecodeHead(std::string_view block);

  bool IsIdle(uint32_t id) const { return id > last_stream_; }
  const Closed* FindRecent(uint32_t id) const;
  void Drop(Stream& stream);

  // The connection fails: says so with a GOAWAY and returns false.
  bool Fail(ErrorCode code, std::string_view why);
  // The stream fails, which may be one that is no more.
  bool FailStream(uint32_t id, ErrorCode code,
                  server::StreamReset reason = server::StreamReset::kProtocolError);

  void WriteSettings();
  void ReceiveIntoWindow(Stream* stream, uint32_t bytes);
  // Sends of what is pending what may be sent.
  void Flush(Stream& stream);
  // All that was pending is sent, or will be.
  void OnFlushed(Stream& stream);
  // Returns how many bytes of payload it has added.
  size_t LendFrom(Stream& stream, size_t bytes_max, std::vector<std::string_view>& pieces);
  void LendFrame(Stream& stream, std::string_view payload, std::vector<std::string_view>& pieces);
  // A frame of DATA is made.
  void CountSent(Stream& stream, size_t payload_bytes);
  // Takes the next one out of blocked_; nullptr: it waits no more.
  Stream* NextBlocked();
  // Those that wait for the connection's window or the socket; and all.
  void FlushBlocked();
  void FlushAll();
  void Block(Stream& stream);
  // By the windows, and while the output is not full.
  int64_t SendableBytes(const Stream& stream, size_t waiting_bytes) const;

  const SessionLimits limits_;
  SessionListener* const listener_;
  OutputBuffer* const output_;
  FrameWriter writer_;
  Stage stage_ = Stage::kStart;
  bool is_paused_ = false;
  std::string_view unread_;
  ErrorCode failure_ = ErrorCode::kNoError;
  size_t preface_bytes_ = 0;
  FrameReader reader_;
  HeaderDecoder decoder_;
  server::RequestHead head_;
  std::string head_block_;  // what head_ was decoded from; empty: not to be used again
  FloodGuard guard_;

  // A header block that is not complete.
  std::string header_block_;
  uint32_t header_stream_ = 0;  // 0: there is none
  bool header_ends_stream_ = false;
  uint32_t continuations_ = 0;

  absl::flat_hash_map<uint32_t, Stream*> streams_;
  std::deque<uint32_t> blocked_;
  bool lends_ = false;
  std::vector<std::array<char, FrameHeader::kBytes>> lent_headers_;  // does not grow
  std::vector<OutputBuffer> lent_buffers_;              // all that was pending in a stream
  std::vector<std::pair<Stream*, size_t>> lent_parts_;  // bytes at the beginning of its pending
  size_t pending_bytes_ = 0;
  std::array<Closed, kRecent> recent_{};  // the last ones
  size_t recent_next_ = 0;
  uint32_t last_stream_ = 0;    // that was opened
  uint32_t last_accepted_ = 0;  // and was not refused
  uint32_t seconds_ = 0;
  bool is_draining_ = false;
  std::string goaway_why_;        // not empty: BeginGoaway was called
  uint32_t goaway_begun_at_ = 0;  // second

  int64_t send_window_ = kDefaultWindow;
  int64_t receive_window_ = kDefaultWindow;
  uint32_t unreturned_bytes_ = 0;
  uint32_t peer_stream_window_ = kDefaultWindow;
  uint32_t peer_frame_bytes_max_ = kDefaultFrameBytesMax;
};

}  // namespace larder::http2

#endif  // LARDER_SERVER_RPC_HTTP2_SESSION_H_
