#include "client/channel/http2_client_session.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

// What a session receives; http2_client_session_send.cc has what it sends.
namespace larder::http2 {
namespace {

constexpr uint32_t kContinuationsMax = 32;
constexpr uint32_t kFrameBytesSentMax = 64u << 10;
constexpr size_t kReasonBytesMax = 256;

// What a frame costs that asks for work and is no part of an answer.
constexpr uint32_t kControlCost = 1;
constexpr size_t kStreamsPerCost = 64;  // that a change of all windows has to walk
// Servers measure the way with pings and return windows while they answer.
constexpr uint32_t kForgivenByAnswer = 16;

// Of a peer's text, what can be shown in one line.
std::string Printable(std::string_view text) {
  std::string printable(text.substr(0, kReasonBytesMax));
  for (char& c : printable) {
    if (c < ' ' || c > '~') c = '?';
  }
  return printable;
}

}  // namespace

Http2ClientSession::Http2ClientSession(const ClientSessionLimits& limits,
                                       ClientSessionListener* listener, OutputBuffer* output)
    : limits_(limits),
      listener_(listener),
      output_(output),
      writer_(output),
      head_(limits.header_bytes_max),
      trailers_(limits.header_bytes_max),
      streams_max_(limits.streams_max) {
  WriteHello();
}

bool Http2ClientSession::Receive(std::string_view bytes) {
  FrameHeader frame;
  std::string_view payload;
  while (stage_ != Stage::kFailed) {
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

void Http2ClientSession::Close(std::string_view why) {
  stage_ = Stage::kFailed;
  const StreamFailure failure{.code = ErrorCode::kNoError, .why = why};
  while (!streams_.empty()) {
    ClientStream& stream = *streams_.begin()->second;
    Drop(stream);
    listener_->OnFailure(stream, failure);
  }
}

bool Http2ClientSession::OnFrame(const FrameHeader& frame, std::string_view payload) {
  // A node that refuses a connection says GOAWAY and nothing before it.
  if (stage_ == Stage::kSettings && frame.type != FrameType::kGoaway) {
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
      return CountFlood(kControlCost);  // deprecated, without effect
    case FrameType::kRstStream:
      return OnRstStream(frame, payload);
    case FrameType::kSettings:
      return OnSettings(frame, payload);
    case FrameType::kPushPromise:
      return Fail(ErrorCode::kProtocolError, "PUSH_PROMISE, which is switched off");
    case FrameType::kPing:
      return OnPing(frame, payload);
    case FrameType::kGoaway:
      return OnGoaway(frame, payload);
    case FrameType::kWindowUpdate:
      return OnWindowUpdate(frame, payload);
    case FrameType::kContinuation:
      return OnContinuation(frame, payload);
  }
  return CountFlood(kControlCost);  // an extension
}

bool Http2ClientSession::OnData(const FrameHeader& frame, std::string_view payload) {
  if (IsIdle(frame.stream_id)) return Fail(ErrorCode::kProtocolError, "DATA on an idle stream");
  if (frame.payload_bytes > receive_window_) {
    return Fail(ErrorCode::kFlowControlError, "more DATA than the connection's window");
  }
  if (!RemovePadding(frame, payload)) {
    return Fail(ErrorCode::kProtocolError, "more padding than DATA");
  }
  ReceiveIntoWindow(nullptr, frame.payload_bytes);
  if (payload.empty() && !frame.Has(kEndStream) && !CountFlood(kControlCost)) return false;
  ClientStream* const stream = Find(frame.stream_id);
  if (stream == nullptr) return true;  // it was cancelled
  if (!stream->has_head) {
    return FailStream(*stream, ErrorCode::kProtocolError, "DATA before an answer's HEADERS");
  }
  if (frame.payload_bytes > stream->receive_window) {
    return FailStream(*stream, ErrorCode::kFlowControlError, "more DATA than the stream's window");
  }
  if (!frame.Has(kEndStream)) {
    ReceiveIntoWindow(stream, frame.payload_bytes);
    listener_->OnBody(*stream, payload);
    return true;
  }
  listener_->OnBody(*stream, payload);
  if (stream->id == 0) return true;  // the listener has cancelled it
  End(*stream, nullptr);
  return true;
}

bool Http2ClientSession::OnHeaders(const FrameHeader& frame, std::string_view payload) {
  if (IsIdle(frame.stream_id)) return Fail(ErrorCode::kProtocolError, "HEADERS on an idle stream");
  if (!RemovePadding(frame, payload)) {
    return Fail(ErrorCode::kProtocolError, "more padding than HEADERS");
  }
  if (frame.Has(kHasPriority)) {
    if (payload.size() < kPriorityBytes) {
      return Fail(ErrorCode::kFrameSizeError, "HEADERS without room for its priority");
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

bool Http2ClientSession::OnContinuation(const FrameHeader& frame, std::string_view payload) {
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

bool Http2ClientSession::Decode(std::string_view block, DecodedBlock& decoded) {
  if (!block.empty() && block == decoded.block) return true;
  decoded.block.clear();
  decoded.fields.Clear();
  const bool ok = decoder_.Decode(block, [&](std::string_view name, std::string_view value) {
    decoded.fields.Add(name, value);
  });
  if (!ok) return Fail(ErrorCode::kCompressionError, "a header block cannot be decoded");
  if (HeaderDecoder::IsStateless(block)) {
    decoded.block = block;
  } else {
    // The table has changed, so the same bytes may mean other fields.
    head_.block.clear();
    trailers_.block.clear();
  }
  return true;
}

bool Http2ClientSession::OnHeaderBlock(uint32_t stream_id, bool ends_stream,
                                       std::string_view block) {
  ClientStream* const stream = Find(stream_id);
  DecodedBlock& decoded = stream != nullptr && !stream->has_head ? head_ : trailers_;
  // Decoded in any case, since the decoder's table is the connection's.
  if (!Decode(block, decoded)) return false;
  if (stream == nullptr) return CountLateFrame();
  if (decoded.fields.is_too_large()) {
    return FailStream(*stream, ErrorCode::kEnhanceYourCalm,
                      "the header fields of an answer are larger than the limit");
  }
  return stream->has_head ? OnTrailerFields(*stream, ends_stream, decoded.fields)
                          : OnHeadFields(*stream, ends_stream, decoded.fields);
}

bool Http2ClientSession::OnHeadFields(ClientStream& stream, bool ends_stream,
                                      const AnswerFields& fields) {
  if (!fields.is_head() || (fields.is_informational() && ends_stream)) {
    return FailStream(stream, ErrorCode::kProtocolError, "malformed header fields");
  }
  if (fields.is_informational()) return CountFlood(kControlCost);
  stream.has_head = true;
  if (!ends_stream) {
    listener_->OnHead(stream, fields);
    return true;
  }
  End(stream, &fields);
  return true;
}

bool Http2ClientSession::OnTrailerFields(ClientStream& stream, bool ends_stream,
                                         const AnswerFields& fields) {
  if (!ends_stream || !fields.is_trailers()) {
    return FailStream(stream, ErrorCode::kProtocolError, "malformed trailers");
  }
  End(stream, &fields);
  return true;
}

bool Http2ClientSession::OnRstStream(const FrameHeader& frame, std::string_view payload) {
  if (payload.size() != 4) return Fail(ErrorCode::kFrameSizeError, "RST_STREAM must have 4 bytes");
  if (IsIdle(frame.stream_id)) {
    return Fail(ErrorCode::kProtocolError, "RST_STREAM on an idle stream");
  }
  ClientStream* const stream = Find(frame.stream_id);
  if (stream == nullptr) return CountLateFrame();
  const auto code = static_cast<ErrorCode>(LoadBigEndian(payload.data(), 4));
  Drop(*stream);
  listener_->OnFailure(*stream, {.code = code,
                                 .is_by_server = true,
                                 .is_processed = code != ErrorCode::kRefusedStream,
                                 .why = {}});
  return true;
}

bool Http2ClientSession::OnSettings(const FrameHeader& frame, std::string_view payload) {
  if (frame.stream_id != 0) return Fail(ErrorCode::kProtocolError, "SETTINGS on a stream");
  if (!CountFlood(kControlCost + static_cast<uint32_t>(payload.size() / kSettingBytes) / 8)) {
    return false;
  }
  if (frame.Has(kAck)) {
    return payload.empty() ? true
                           : Fail(ErrorCode::kFrameSizeError, "SETTINGS with ACK and a payload");
  }
  if (payload.size() % kSettingBytes != 0) {
    return Fail(ErrorCode::kFrameSizeError, "SETTINGS with a part of a setting");
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

bool Http2ClientSession::OnSetting(Setting setting, uint32_t value) {
  switch (setting) {
    case Setting::kHeaderTableSize:
      writer_.AnnounceTableSize();
      return true;
    case Setting::kEnablePush:
      return value == 0 || Fail(ErrorCode::kProtocolError, "ENABLE_PUSH from a server");
    case Setting::kMaxConcurrentStreams:
      streams_max_ = std::min(value, limits_.streams_max);
      return true;
    case Setting::kInitialWindowSize: {
      if (value > kWindowMax) {
        return Fail(ErrorCode::kFlowControlError, "INITIAL_WINDOW_SIZE must be below 2^31");
      }
      if (!CountFlood(static_cast<uint32_t>(streams_.size() / kStreamsPerCost))) return false;
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
    case Setting::kMaxHeaderListSize:
      return true;
  }
  return true;  // an extension
}

bool Http2ClientSession::OnPing(const FrameHeader& frame, std::string_view payload) {
  if (frame.stream_id != 0) return Fail(ErrorCode::kProtocolError, "PING on a stream");
  if (payload.size() != 8) return Fail(ErrorCode::kFrameSizeError, "PING must have 8 bytes");
  if (!CountFlood(kControlCost)) return false;
  if (frame.Has(kAck)) return true;
  writer_.Ping(kAck, payload);
  return true;
}

bool Http2ClientSession::OnGoaway(const FrameHeader& frame, std::string_view payload) {
  if (frame.stream_id != 0) return Fail(ErrorCode::kProtocolError, "GOAWAY on a stream");
  if (payload.size() < 8) return Fail(ErrorCode::kFrameSizeError, "GOAWAY must have 8 bytes");
  if (!CountFlood(kControlCost)) return false;
  const uint32_t last = static_cast<uint32_t>(LoadBigEndian(payload.data(), 4)) & kStreamIdMask;
  const auto code = static_cast<uint32_t>(LoadBigEndian(payload.data() + 4, 4));
  failure_ = absl::StrCat("GOAWAY with code ", code);
  if (payload.size() > 8) absl::StrAppend(&failure_, " (", Printable(payload.substr(8)), ")");
  if (stage_ == Stage::kSettings) {
    stage_ = Stage::kFailed;
    return false;
  }
  is_draining_ = true;
  std::vector<ClientStream*> refused;
  for (const auto& [id, stream] : streams_) {
    if (id > last) refused.push_back(stream);
  }
  for (ClientStream* stream : refused) {
    Drop(*stream);
    listener_->OnFailure(*stream, {.code = static_cast<ErrorCode>(code),
                                   .is_by_server = true,
                                   .is_processed = false,
                                   .why = failure_});
  }
  return true;
}

bool Http2ClientSession::OnWindowUpdate(const FrameHeader& frame, std::string_view payload) {
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
    if (blocked_.empty() && !CountFlood(kControlCost)) return false;
    FlushBlocked();
    return true;
  }
  if (IsIdle(frame.stream_id)) {
    return Fail(ErrorCode::kProtocolError, "WINDOW_UPDATE on an idle stream");
  }
  ClientStream* const stream = Find(frame.stream_id);
  if (stream == nullptr || !stream->is_blocked) {
    if (!CountFlood(kControlCost)) return false;
    if (stream == nullptr) return true;  // it was cancelled
  }
  if (bytes == 0) return FailStream(*stream, ErrorCode::kProtocolError, "WINDOW_UPDATE of nothing");
  stream->send_window += bytes;
  if (stream->send_window > kWindowMax) {
    return FailStream(*stream, ErrorCode::kFlowControlError, "a window of 2^31 or more");
  }
  if (stream->is_blocked) Flush(*stream);
  return true;
}

ClientStream* Http2ClientSession::Find(uint32_t id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second;
}

void Http2ClientSession::Drop(ClientStream& stream) {
  if (stream.is_queued) std::erase(blocked_, stream.id);
  streams_.erase(stream.id);
  stream.id = 0;
}

void Http2ClientSession::End(ClientStream& stream, const AnswerFields* fields) {
  guard_.OnAnswered(kForgivenByAnswer);
  // The server needs no more of a request that it has answered.
  if (!stream.unsent.empty()) {
    Cancel(stream, ErrorCode::kNoError);
  } else {
    Drop(stream);
  }
  listener_->OnEnd(stream, fields);
}

bool Http2ClientSession::CountLateFrame() {
  if (late_frames_ == 0) return CountFlood(kControlCost);
  --late_frames_;
  return true;
}

bool Http2ClientSession::CountFlood(uint32_t cost) {
  if (guard_.Add(cost)) return true;
  return Fail(ErrorCode::kEnhanceYourCalm, "too many frames that bring nothing");
}

bool Http2ClientSession::FailStream(ClientStream& stream, ErrorCode code, std::string_view why) {
  if (!CountFlood(kControlCost)) return false;
  Cancel(stream, code);
  listener_->OnFailure(stream, {.code = code, .why = why});
  return true;
}

bool Http2ClientSession::Fail(ErrorCode code, std::string_view why) {
  writer_.Goaway(0, code, why);
  failure_ = why;
  stage_ = Stage::kFailed;
  return false;
}

}  // namespace larder::http2
