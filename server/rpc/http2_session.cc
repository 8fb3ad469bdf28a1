#include "server/rpc/http2_session.h"

#include <algorithm>

#include "proto/http2/header_field.h"

// What a session receives; http2_session_send.cc has what it sends.
namespace larder::http2 {
namespace {

constexpr uint32_t kContinuationsMax = 32;
constexpr uint32_t kGoawaySecondsMax = 10;
constexpr uint32_t kFrameBytesSentMax = 64u << 10;

// What frames cost that ask for work and bring no request.
constexpr uint32_t kControlCost = 1;
constexpr uint32_t kResetCost = 4;

}  // namespace

Http2Session::Http2Session(const SessionLimits& limits, SessionListener* listener,
                           OutputBuffer* output)
    : limits_(limits),
      listener_(listener),
      output_(output),
      writer_(output),
      head_(limits.header_bytes_max) {}

Http2Session::~Http2Session() { Close(); }

void Http2Session::Close() {
  stage_ = Stage::kFailed;
  while (!streams_.empty()) Drop(*streams_.begin()->second);
}

bool Http2Session::Receive(std::string_view bytes) {
  is_paused_ = false;
  unread_ = {};
  if (stage_ == Stage::kStart && !ReceivePreface(bytes)) return stage_ != Stage::kFailed;
  FrameHeader frame;
  std::string_view payload;
  while (stage_ != Stage::kFailed) {
    if (is_paused_) {
      unread_ = bytes;
      return true;
    }
    switch (reader_.Next(bytes, frame, payload)) {
      case FrameReader::Result::kNeedsMore:
        return true;
      case FrameReader::Result::kTooLarge:
        return Fail(ErrorCode::kFrameSizeError, "a frame is larger than SETTINGS_MAX_FRAME_SIZE");
      case FrameReader::Result::kFrame:
        if (!OnFrame(frame, payload)) return false;
    }
  }
  return false;
}

bool Http2Session::ReceivePreface(std::string_view& bytes) {
  const std::string_view expected = kPreface.substr(preface_bytes_);
  const std::string_view here = bytes.substr(0, expected.size());
  if (!expected.starts_with(here)) {
    return Fail(ErrorCode::kProtocolError, "this port speaks gRPC over HTTP/2");
  }
  bytes.remove_prefix(here.size());
  preface_bytes_ += here.size();
  if (preface_bytes_ < kPreface.size()) return false;
  stage_ = Stage::kSettings;
  WriteSettings();
  return true;
}

bool Http2Session::OnFrame(const FrameHeader& frame, std::string_view payload) {
  if (stage_ == Stage::kSettings) {
    if (frame.type != FrameType::kSettings || frame.Has(kAck)) {
      return Fail(ErrorCode::kProtocolError, "the first frame must be SETTINGS");
    }
    stage_ = Stage::kFrames;
  }
  if (header_stream_ != 0 && frame.type != FrameType::kContinuation) {
    return Fail(ErrorCode::kProtocolError, "a header block is not complete");
  }
  switch (frame.type) {
    case FrameType::kData:
      return OnData(frame, payload);
    case FrameType::kHeaders:
      return OnHeaders(frame, payload);
    case FrameType::kPriority:
      return OnPriority(frame, payload);
    case FrameType::kRstStream:
      return OnRstStream(frame, payload);
    case FrameType::kSettings:
      return OnSettings(frame, payload);
    case FrameType::kPushPromise:
      return Fail(ErrorCode::kProtocolError, "PUSH_PROMISE from a client");
    case FrameType::kPing:
      return OnPing(frame, payload);
    case FrameType::kGoaway:
      if (frame.stream_id != 0) return Fail(ErrorCode::kProtocolError, "GOAWAY on a stream");
      return true;  // its streams go on, and then it closes the connection
    case FrameType::kWindowUpdate:
      return OnWindowUpdate(frame, payload);
    case FrameType::kContinuation:
      return OnContinuation(frame, payload);
  }
  return CountFlood(kControlCost);  // an extension
}

bool Http2Session::OnData(const FrameHeader& frame, std::string_view payload) {
  if (frame.stream_id == 0) return Fail(ErrorCode::kProtocolError, "DATA on stream 0");
  if (IsIdle(frame.stream_id)) return Fail(ErrorCode::kProtocolError, "DATA on an idle stream");
  if (frame.payload_bytes > receive_window_) {
    return Fail(ErrorCode::kFlowControlError, "more DATA than the connection's window");
  }
  if (!RemovePadding(frame, payload)) {
    return Fail(ErrorCode::kProtocolError, "more padding than DATA");
  }
  Stream* const stream = Find(frame.stream_id);
  ReceiveIntoWindow(nullptr, frame.payload_bytes);
  if (stream == nullptr || stream->remote_ended) {
    const Closed* const closed = FindRecent(frame.stream_id);
    if (stream == nullptr && closed != nullptr && closed->may_receive) return true;
    return FailStream(frame.stream_id, ErrorCode::kStreamClosed);
  }
  if (frame.payload_bytes > stream->receive_window) {
    return FailStream(frame.stream_id, ErrorCode::kFlowControlError);
  }
  stream->remote_ended = frame.Has(kEndStream);
  if (payload.empty() && !stream->remote_ended && !CountFlood(kControlCost)) return false;
  if (stream->body_bytes_left.has_value()) {
    if (payload.size() > *stream->body_bytes_left) {
      return FailStream(frame.stream_id, ErrorCode::kProtocolError);
    }
    *stream->body_bytes_left -= payload.size();
    if (stream->remote_ended && *stream->body_bytes_left != 0) {
      return FailStream(frame.stream_id, ErrorCode::kProtocolError);
    }
  }
  ReceiveIntoWindow(stream, frame.payload_bytes);
  listener_->OnBody(*stream, payload);
  return true;
}

bool Http2Session::OnHeaders(const FrameHeader& frame, std::string_view payload) {
  if (frame.stream_id == 0) return Fail(ErrorCode::kProtocolError, "HEADERS on stream 0");
  if (!RemovePadding(frame, payload)) {
    return Fail(ErrorCode::kProtocolError, "more padding than HEADERS");
  }
  if (frame.Has(kHasPriority)) {
    if (payload.size() < kPriorityBytes) {
      return Fail(ErrorCode::kFrameSizeError, "HEADERS without room for its priority");
    }
    const auto parent = static_cast<uint32_t>(LoadBigEndian(payload.data(), 4)) & kStreamIdMask;
    if (parent == frame.stream_id) {
      return Fail(ErrorCode::kProtocolError, "a stream that depends on itself");
    }
    payload.remove_prefix(kPriorityBytes);
  }
  if (frame.Has(kEndHeaders)) {
    return OnHeaderBlock(frame.stream_id, frame.Has(kEndStream), payload);
  }
  header_stream_ = frame.stream_id;
  header_ends_stream_ = frame.Has(kEndStream);
  header_block_ = payload;
  continuations_ = 0;
  return true;
}

bool Http2Session::OnContinuation(const FrameHeader& frame, std::string_view payload) {
  if (header_stream_ == 0 || frame.stream_id != header_stream_) {
    return Fail(ErrorCode::kProtocolError, "CONTINUATION of nothing");
  }
  if (++continuations_ > kContinuationsMax ||
      header_block_.size() + payload.size() > limits_.header_bytes_max) {
    return Fail(ErrorCode::kEnhanceYourCalm, "a header block is larger than the limit");
  }
  header_block_.append(payload);
  if (!frame.Has(kEndHeaders)) return true;
  const uint32_t stream_id = std::exchange(header_stream_, 0);
  return OnHeaderBlock(stream_id, header_ends_stream_, header_block_);
}

bool Http2Session::OnHeaderBlock(uint32_t stream_id, bool ends_stream, std::string_view block) {
  if (Stream* const stream = Find(stream_id); stream != nullptr) {
    return OnTrailerBlock(stream, ends_stream, block);
  }
  if (stream_id % 2 == 0) return Fail(ErrorCode::kProtocolError, "an even stream from a client");
  if (!IsIdle(stream_id)) {
    const Closed* const closed = FindRecent(stream_id);
    if (closed == nullptr) {
      return Fail(ErrorCode::kProtocolError, "streams must be opened in order");
    }
    if (!closed->may_receive) return Fail(ErrorCode::kStreamClosed, "HEADERS on a closed stream");
    return OnTrailerBlock(nullptr, ends_stream, block);
  }
  last_stream_ = stream_id;
  return OnRequestBlock(stream_id, ends_stream, block);
}

bool Http2Session::DecodeHead(std::string_view block) {
  if (!block.empty() && block == head_block_) return true;
  head_block_.clear();
  head_.Clear();
  bool has_path = false;  // one that is repeated makes the request malformed
  const bool ok = decoder_.Decode(block, [&](std::string_view name, std::string_view value) {
    head_.Add(name, value);
    if (name != ":path" || std::exchange(has_path, true)) return;
    if (listener_->ReadsMetadata(value)) head_.KeepMetadata();
  });
  if (!ok) return Fail(ErrorCode::kCompressionError, "a header block cannot be decoded");
  if (HeaderDecoder::IsStateless(block)) head_block_ = block;
  return true;
}

bool Http2Session::OnRequestBlock(uint32_t stream_id, bool ends_stream, std::string_view block) {
  // Decoded in any case, since the decoder's table is the connection's.
  if (!DecodeHead(block)) return false;
  if (is_draining_ || streams_.size() >= limits_.streams_max) {
    return FailStream(
        stream_id, ErrorCode::kRefusedStream,
        is_draining_ ? server::StreamReset::kGoaway : server::StreamReset::kMaxStreams);
  }
  const bool has_bad_length = ends_stream && head_.content_length().value_or(0) != 0;
  if (!head_.is_too_large() && (!head_.is_well_formed() || has_bad_length)) {
    return FailStream(stream_id, ErrorCode::kProtocolError);
  }
  Stream& stream = *listener_->NewStream();
  stream.id = stream_id;
  stream.remote_ended = ends_stream;
  stream.send_window = peer_stream_window_;
  stream.receive_window = limits_.stream_window_bytes;
  stream.body_bytes_left = head_.content_length();
  streams_.emplace(stream_id, &stream);
  last_accepted_ = stream_id;
  listener_->OnHead(stream, head_);
  return true;
}

bool Http2Session::OnTrailerBlock(Stream* stream, bool ends_stream, std::string_view block) {
  bool is_well_formed = ends_stream;
  size_t bytes = 0;
  head_block_.clear();
  const bool ok = decoder_.Decode(block, [&](std::string_view name, std::string_view value) {
    bytes += name.size() + value.size();
    // An index of one byte may stand for kilobytes, which are not to be looked at again and again.
    is_well_formed =
        is_well_formed && bytes <= limits_.header_bytes_max && IsRegularField(name, value);
  });
  if (!ok) return Fail(ErrorCode::kCompressionError, "a header block cannot be decoded");
  if (stream == nullptr) return CountFlood(kControlCost);
  if (stream->remote_ended) return FailStream(stream->id, ErrorCode::kStreamClosed);
  if (!is_well_formed || stream->body_bytes_left.value_or(0) != 0) {
    return FailStream(stream->id, ErrorCode::kProtocolError);
  }
  stream->remote_ended = true;
  listener_->OnBody(*stream, {});
  return true;
}

bool Http2Session::OnPriority(const FrameHeader& frame, std::string_view payload) {
  if (frame.stream_id == 0) return Fail(ErrorCode::kProtocolError, "PRIORITY on stream 0");
  if (payload.size() != kPriorityBytes) {
    return Fail(ErrorCode::kFrameSizeError, "PRIORITY must have 5 bytes");
  }
  const auto parent = static_cast<uint32_t>(LoadBigEndian(payload.data(), 4)) & kStreamIdMask;
  if (parent == frame.stream_id) {
    return Fail(ErrorCode::kProtocolError, "a stream that depends on itself");
  }
  return CountFlood(kControlCost);
}

bool Http2Session::OnRstStream(const FrameHeader& frame, std::string_view payload) {
  if (payload.size() != 4) return Fail(ErrorCode::kFrameSizeError, "RST_STREAM must have 4 bytes");
  if (frame.stream_id == 0 || IsIdle(frame.stream_id)) {
    return Fail(ErrorCode::kProtocolError, "RST_STREAM on an idle stream");
  }
  Stream* const stream = Find(frame.stream_id);
  // One that crosses the answer costs next to nothing.
  if (!CountFlood(stream == nullptr ? kControlCost : kResetCost)) return false;
  if (stream != nullptr) {
    stream->remote_ended = true;
    Drop(*stream);
  }
  return true;
}

bool Http2Session::OnSettings(const FrameHeader& frame, std::string_view payload) {
  if (frame.stream_id != 0) return Fail(ErrorCode::kProtocolError, "SETTINGS on a stream");
  if (frame.Has(kAck)) {
    return payload.empty() ? true
                           : Fail(ErrorCode::kFrameSizeError, "SETTINGS with ACK and a payload");
  }
  if (payload.size() % kSettingBytes != 0) {
    return Fail(ErrorCode::kFrameSizeError, "SETTINGS with a part of a setting");
  }
  if (!CountFlood(kControlCost + static_cast<uint32_t>(payload.size() / kSettingBytes) / 8)) {
    return false;
  }
  for (; !payload.empty(); payload.remove_prefix(kSettingBytes)) {
    const auto setting = static_cast<Setting>(LoadBigEndian(payload.data(), 2));
    const auto value = static_cast<uint32_t>(LoadBigEndian(payload.data() + 2, 4));
    if (!OnSetting(setting, value)) return false;
  }
  writer_.Frame(FrameType::kSettings, kAck, 0, 0);
  FlushAll();
  return true;
}

bool Http2Session::OnSetting(Setting setting, uint32_t value) {
  switch (setting) {
    case Setting::kHeaderTableSize:
      writer_.AnnounceTableSize();
      return true;
    case Setting::kEnablePush:
      return value <= 1 || Fail(ErrorCode::kProtocolError, "ENABLE_PUSH must be 0 or 1");
    case Setting::kInitialWindowSize: {
      if (value > kWindowMax) {
        return Fail(ErrorCode::kFlowControlError, "INITIAL_WINDOW_SIZE must be below 2^31");
      }
      const int64_t change = int64_t{value} - int64_t{peer_stream_window_};
      peer_stream_window_ = value;
      for (const auto& [id, stream] : streams_) {
        stream->send_window += change;
        if (stream->send_window > kWindowMax) {
          return Fail(ErrorCode::kFlowControlError, "a window of 2^31 or more");
        }
      }
      return true;
    }
    case Setting::kMaxFrameSize:
      if (value < kDefaultFrameBytesMax || value > kFrameBytesMaxMax) {
        return Fail(ErrorCode::kProtocolError, "MAX_FRAME_SIZE must be from 16384 to 16777215");
      }
      // Larger ones would keep what else there is to send waiting.
      peer_frame_bytes_max_ = std::min(value, kFrameBytesSentMax);
      return true;
    case Setting::kMaxConcurrentStreams:
    case Setting::kMaxHeaderListSize:
      break;
  }
  return true;
}

bool Http2Session::OnPing(const FrameHeader& frame, std::string_view payload) {
  if (frame.stream_id != 0) return Fail(ErrorCode::kProtocolError, "PING on a stream");
  if (payload.size() != 8) return Fail(ErrorCode::kFrameSizeError, "PING must have 8 bytes");
  if (frame.Has(kAck)) {
    if (!goaway_why_.empty() && payload == kGoawayPing) SendGoaway(goaway_why_);
    return true;
  }
  if (!CountFlood(kControlCost)) return false;
  writer_.Ping(kAck, payload);
  return true;
}

bool Http2Session::OnWindowUpdate(const FrameHeader& frame, std::string_view payload) {
  if (payload.size() != 4) {
    return Fail(ErrorCode::kFrameSizeError, "WINDOW_UPDATE must have 4 bytes");
  }
  const auto bytes = static_cast<uint32_t>(LoadBigEndian(payload.data(), 4)) & kWindowMax;
  if (frame.stream_id == 0) {
    if (bytes == 0) return Fail(ErrorCode::kProtocolError, "WINDOW_UPDATE of nothing");
    send_window_ += bytes;
    if (send_window_ > kWindowMax) {
      return Fail(ErrorCode::kFlowControlError, "a window of 2^31 or more");
    }
    FlushBlocked();
    return true;
  }
  if (IsIdle(frame.stream_id)) {
    return Fail(ErrorCode::kProtocolError, "WINDOW_UPDATE on an idle stream");
  }
  Stream* const stream = Find(frame.stream_id);
  if (stream == nullptr) return true;  // it was closed meanwhile
  if (bytes == 0) return FailStream(frame.stream_id, ErrorCode::kProtocolError);
  stream->send_window += bytes;
  if (stream->send_window > kWindowMax) {
    return FailStream(frame.stream_id, ErrorCode::kFlowControlError);
  }
  if (stream->is_blocked) Flush(*stream);
  return true;
}

Stream* Http2Session::Find(uint32_t id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second;
}

std::vector<uint32_t> Http2Session::StreamIds() const {
  std::vector<uint32_t> ids;
  for (const auto& [id, stream] : streams_) ids.push_back(id);
  return ids;
}

const Http2Session::Closed* Http2Session::FindRecent(uint32_t id) const {
  const auto found = std::find_if(recent_.begin(), recent_.end(),
                                  [id](const Closed& closed) { return closed.id == id; });
  return found == recent_.end() ? nullptr : &*found;
}

void Http2Session::Drop(Stream& stream) {
  recent_[recent_next_++ % kRecent] = {stream.id, !stream.remote_ended};
  if (stream.is_queued) std::erase(blocked_, stream.id);
  streams_.erase(stream.id);
  pending_bytes_ -= stream.pending.size();
  listener_->DropStream(stream);
}

void Http2Session::OnSecondsPassed(uint32_t seconds, uint32_t unread_seconds_max) {
  guard_.OnSecondsPassed(seconds);
  seconds_ += seconds;
  if (!goaway_why_.empty() && seconds_ - goaway_begun_at_ > kGoawaySecondsMax) {
    SendGoaway(goaway_why_);  // without an answer to the ping
  }
  if (pending_bytes_ == 0) return;
  std::vector<Stream*> stuck;
  for (const auto& [id, stream] : streams_) {
    if (stream->is_blocked && seconds_ - stream->progressed_at > unread_seconds_max) {
      stuck.push_back(stream);
    }
  }
  for (Stream* stream : stuck) {
    listener_->OnStreamReset(server::StreamReset::kUnreadTimeout);
    Reset(*stream, ErrorCode::kCancel);
  }
}

bool Http2Session::CountFlood(uint32_t cost) {
  if (stage_ == Stage::kFailed) return false;
  if (guard_.Add(cost)) return true;
  return Fail(ErrorCode::kEnhanceYourCalm, "too many frames that bring nothing");
}

bool Http2Session::FailStream(uint32_t id, ErrorCode code, server::StreamReset reason) {
  // Those that cross a GOAWAY are no fault, but they may be no more than a client has open.
  if (!CountFlood(is_draining_ ? kControlCost : kResetCost)) return false;
  listener_->OnStreamReset(reason);
  if (Stream* const stream = Find(id); stream != nullptr) {
    Reset(*stream, code);
  } else {
    recent_[recent_next_++ % kRecent] = {id, true};
    writer_.Number(FrameType::kRstStream, id, static_cast<uint32_t>(code));
  }
  return true;
}

bool Http2Session::Fail(ErrorCode code, std::string_view why) {
  if (stage_ == Stage::kStart) WriteSettings();
  writer_.Goaway(last_accepted_, code, why);
  stage_ = Stage::kFailed;
  failure_ = code;
  return false;
}

}  // namespace larder::http2
