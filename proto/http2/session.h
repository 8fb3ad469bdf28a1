#ifndef LARDER_PROTO_HTTP2_SESSION_H_
#define LARDER_PROTO_HTTP2_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "proto/http2/flood_guard.h"
#include "proto/http2/frame_reader.h"
#include "proto/http2/frame_writer.h"
#include "proto/http2/header_decoder.h"
#include "proto/http2/http2_frame.h"
#include "proto/http2/output_buffer.h"
#include "proto/http2/send_queue.h"
#include "proto/http2/session_limits.h"
#include "proto/http2/stream.h"

namespace larder::http2 {

// What both sides of an HTTP/2 connection (RFC 9113) have alike, as a machine without socket and
// clock: frames come in and are checked, header blocks put together, settings, pings and windows
// kept, floods noticed. What a request and an answer are is for the side that derives from it.
// HPACK is nghttp2's. Does not own the streams. Not thread-safe.
class Session : private SendQueue::Listener {
 public:
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Takes what came from the socket. False: the connection is to be closed when the output is sent,
  // which ends with a GOAWAY that says why.
  bool Receive(std::string_view bytes);
  // From within Receive, which returns after the frame at hand and leaves what comes behind it in
  // unread(), to be given again.
  void Pause() { is_paused_ = true; }
  std::string_view unread() const { return unread_; }
  // Some of the output was sent: DATA that waited for that follows.
  void OnOutputSent() {
    if (stage_ != Stage::kFailed && queue_.has_blocked()) queue_.FlushBlocked();
  }

  void SendPing() { writer_.Ping(0, kKeepalivePing); }
  // Counts work that the peer causes with few bytes; false: it is too much, and the session fails.
  bool CountFlood(uint32_t cost);
  // What is kept of a header block that is not complete.
  size_t header_block_bytes() const { return header_stream_ == 0 ? 0 : header_block_.size(); }
  // Fails the session, since to go on with it would cost too much. Returns false.
  bool FailOverloaded(std::string_view why) { return Fail(ErrorCode::kEnhanceYourCalm, why); }

  // The peer has said what an HTTP/2 connection begins with.
  bool is_established() const { return stage_ == Stage::kFrames; }
  // The connection is to be closed when the output is sent.
  bool has_failed() const { return stage_ == Stage::kFailed; }
  size_t streams() const { return streams_.size(); }
  std::vector<uint32_t> StreamIds() const;
  // Nullptr: it is over.
  Stream* Find(uint32_t id) {
    // Mostly what comes next is for the stream that was begun or looked for last.
    if (found_last_ != nullptr && found_last_->id == id) return found_last_;
    const auto found = streams_.find(id);
    if (found == streams_.end()) return nullptr;
    return found_last_ = found->second;
  }

 protected:
  enum class Role : uint8_t { kServer, kClient };
  enum class Stage : uint8_t { kStart, kSettings, kFrames, kFailed };

  // What frames cost that ask for work and bring nothing.
  static constexpr uint32_t kControlCost = 1;

  Session(Role role, const SessionLimits& limits, OutputBuffer* output);
  ~Session() = default;

  // Says what a connection begins with.
  virtual void WriteHello() = 0;
  // A whole header block; the stream may be one that is to be opened by it, or that is no more.
  // Must be decoded in any case, since the decoder's table is the connection's.
  virtual bool OnHeaderBlock(uint32_t id, bool ends_stream, std::string_view block) = 0;
  // DATA without its padding; stream.remote_ended: the last of it.
  virtual bool OnBody(Stream& stream, std::string_view payload) = 0;
  // DATA of a stream that was opened and is over, or that its peer has ended.
  virtual bool OnLateBody(uint32_t id) = 0;
  // RST_STREAM. Nullptr: the stream was over.
  virtual bool OnReset(uint32_t id, Stream* stream, ErrorCode code) = 0;
  virtual bool OnGoaway(uint32_t last_stream, ErrorCode code, std::string_view why) = 0;
  virtual void OnPong(std::string_view /*payload*/) {}
  virtual void OnStreamsMax(uint32_t /*streams*/) {}
  // Resets a stream, which may be one that is no more. False: the connection fails with it.
  virtual bool FailStream(uint32_t id, ErrorCode code, std::string_view why) = 0;
  void OnFlushed(Stream& /*stream*/, bool /*had_to_wait*/) override {}

  // Decodes a whole header block, calling visit for each field in order. False: it cannot be, and
  // the connection has failed with it.
  bool DecodeHeaders(std::string_view block, HeaderDecoder::Visit visit);
  // Fails the connection: says so with a GOAWAY and returns false.
  bool Fail(ErrorCode code, std::string_view why);
  // A stream begins: its windows are as large as each side says.
  void Add(uint32_t id, Stream& stream);
  // It is no more the session's.
  void Remove(Stream& stream);
  // WINDOW_UPDATE of the connection beyond the size that each begins with.
  void WriteConnectionWindow();
  // Lets the peer send as much again as this stream has received.
  void GiveBackWindow(Stream& stream);
  // The stream was never opened, or not by whom it should be.
  bool IsIdle(uint32_t id) const { return id > last_stream_ || id % 2 == 0; }
  bool CountFrame() { return CountFlood(kControlCost); }
  void OnSecondsPassed(uint32_t seconds) {
    guard_.OnSecondsPassed(seconds);
    queue_.OnSecondsPassed(seconds);
  }
  void ReleaseMemory();
  // Nothing comes behind an incomplete header block that would be looked at. Not from within
  // Receive.
  void DropHeaderBlock() {
    header_stream_ = 0;
    std::string().swap(header_block_);
  }

  const SessionLimits limits_;
  OutputBuffer* const output_;
  FrameWriter writer_;
  FloodGuard guard_;
  SendQueue queue_;
  Stage stage_;
  absl::flat_hash_map<uint32_t, Stream*> streams_;
  uint32_t last_stream_ = 0;    // that was opened; all are odd, since servers do not push
  uint32_t last_accepted_ = 0;  // of the peer's, and was not refused
  ErrorCode failure_code_ = ErrorCode::kNoError;
  std::string failure_;  // why the session has failed

 private:
  bool ReceivePreface(std::string_view& bytes);
  bool OnFrame(const FrameHeader& frame, std::string_view payload);
  bool OnDataFrame(const FrameHeader& frame, std::string_view payload);
  bool OnHeadersFrame(const FrameHeader& frame, std::string_view payload);
  bool OnContinuation(const FrameHeader& frame, std::string_view payload);
  bool OnPriority(const FrameHeader& frame, std::string_view payload);
  bool OnRstStream(const FrameHeader& frame, std::string_view payload);
  bool OnSettings(const FrameHeader& frame, std::string_view payload);
  bool OnSetting(Setting setting, uint32_t value);
  bool OnInitialWindow(uint32_t bytes);
  bool OnPing(const FrameHeader& frame, std::string_view payload);
  bool OnGoawayFrame(const FrameHeader& frame, std::string_view payload);
  bool OnWindowUpdate(const FrameHeader& frame, std::string_view payload);
  void ReceiveIntoWindow(uint32_t bytes);
  void ReceiveIntoWindow(Stream& stream, uint32_t bytes);
  void FlushAll();

  const Role role_;
  bool is_paused_ = false;
  std::string_view unread_;
  size_t preface_bytes_ = 0;
  FrameReader reader_;
  HeaderDecoder decoder_;

  Stream* found_last_ = nullptr;  // one of streams_

  // A header block that is not complete.
  std::string header_block_;
  uint32_t header_stream_ = 0;  // 0: there is none
  bool header_ends_stream_ = false;
  uint32_t continuations_ = 0;

  int64_t receive_window_ = kDefaultWindow;
  uint32_t unreturned_bytes_ = 0;
};

}  // namespace larder::http2

#endif  // LARDER_PROTO_HTTP2_SESSION_H_
