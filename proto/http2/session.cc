#include "proto/http2/session.h"

#include <algorithm>
#include <utility>

namespace larder::http2 {
namespace {

constexpr uint32_t kContinuationsMax = 32;
constexpr uint32_t kSettingsPerCost = 8;
constexpr size_t kStreamsPerCost = 64;  // that a change of all windows has to walk

// The stream on which another one depends, by its priority.
uint32_t ParentOf(std::string_view payload) {
  return static_cast<uint32_t>(LoadBigEndian(payload.data(), 4)) & kStreamIdMask;
}

}  // namespace

Session::Session(Role role, const SessionLimits& limits, OutputBuffer* output)
    : limits_(limits),
      output_(output),
      writer_(output),
      queue_(limits, output, &guard_, this),
      stage_(role == Role::kServer ? Stage::kStart : Stage::kSettings),
      role_(role) {}

bool Session::Receive(std::string_view bytes) {
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

bool Session::ReceivePreface(std::string_view& bytes) {
  const std::string_view expected = kPreface.substr(preface_bytes_);
  const std::string_view here = bytes.substr(0, expected.size());
  if (!expected.starts_with(here)) {
    return Fail(ErrorCode::kProtocolError, "this port speaks gRPC over HTTP/2");
  }
  bytes.remove_prefix(here.size());
  preface_bytes_ += here.size();
  if (preface_bytes_ < kPreface.size()) return false;
  stage_ = Stage::kSettings;
  WriteHello();
  return true;
}

bool Session::OnFrame(const FrameHeader& frame, std::string_view payload) {
  // A server that refuses a connection says GOAWAY and nothing before it.
  const bool is_refusal = role_ == Role::kClient && frame.type == FrameType::kGoaway;
  if (stage_ == Stage::kSettings && !is_refusal) {
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
      return OnDataFrame(frame, payload);
    case FrameType::kHeaders:
      return OnHeadersFrame(frame, payload);
    case FrameType::kPriority:
      return OnPriority(frame, payload);
    case FrameType::kRstStream:
      return OnRstStream(frame, payload);
    case FrameType::kSettings:
      return OnSettings(frame, payload);
    case FrameType::kPushPromise:
      return Fail(ErrorCode::kProtocolError, "PUSH_PROMISE, which is switched off");
    case FrameType::kPing:
      return OnPing(frame, payload);
    case FrameType::kGoaway:
      return OnGoawayFrame(frame, payload);
    case FrameType::kWindowUpdate:
      return OnWindowUpdate(frame, payload);
    case FrameType::kContinuation:
      return OnContinuation(frame, payload);
  }
  return CountFrame();  // an extension
}

bool Session::OnDataFrame(const FrameHeader& frame, std::string_view payload) {
  if (IsIdle(frame.stream_id)) return Fail(ErrorCode::kProtocolError, "DATA on an idle stream");
  if (frame.payload_bytes > receive_window_) {
    return Fail(ErrorCode::kFlowControlError, "more DATA than the connection's window");
  }
  if (!RemovePadding(frame, payload)) {
    return Fail(ErrorCode::kProtocolError, "more padding than DATA");
  }
  ReceiveIntoWindow(frame.payload_bytes);
  if (payload.empty() && !frame.Has(kEndStream) && !CountFrame()) return false;
  Stream* const stream = Find(frame.stream_id);
  if (stream == nullptr || stream->remote_ended) return OnLateBody(frame.stream_id);
  if (frame.payload_bytes > stream->receive_window) {
    return FailStream(stream->id, ErrorCode::kFlowControlError,
                      "more DATA than the stream's window");
  }
  stream->remote_ended = frame.Has(kEndStream);
  ReceiveIntoWindow(*stream, frame.payload_bytes);
  return OnBody(*stream, payload);
}

bool Session::OnHeadersFrame(const FrameHeader& frame, std::string_view payload) {
  if (frame.stream_id == 0) return Fail(ErrorCode::kProtocolError, "HEADERS on stream 0");
  if (!RemovePadding(frame, payload)) {
    return Fail(ErrorCode::kProtocolError, "more padding than HEADERS");
  }
  if (frame.Has(kHasPriority)) {
    if (payload.size() < kPriorityBytes) {
      return Fail(ErrorCode::kFrameSizeError, "HEADERS without room for its priority");
    }
    if (ParentOf(payload) == frame.stream_id) {
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

bool Session::OnContinuation(const FrameHeader& frame, std::string_view payload) {
  if (header_stream_ == 0 || frame.stream_id != header_stream_) {
    return Fail(ErrorCode::kProtocolError, "CONTINUATION of nothing");
  }
  if (++continuations_ > kContinuationsMax ||
      header_block_.size() + payload.size() > limits_.header_block_bytes_max()) {
    return Fail(ErrorCode::kEnhanceYourCalm, "a header block is larger than the limit");
  }
  header_block_.append(payload);
  if (!frame.Has(kEndHeaders)) return true;
  const uint32_t stream_id = std::exchange(header_stream_, 0);
  const bool goes_on = OnHeaderBlock(stream_id, header_ends_stream_, header_block_);
  if (header_block_.capacity() > limits_.header_bytes_max) std::string().swap(header_block_);
  return goes_on;
}

bool Session::DecodeHeaders(std::string_view block, HeaderDecoder::Visit visit) {
  switch (decoder_.Decode(block, limits_.decoded_bytes_max(), visit)) {
    case HeaderDecoder::Block::kWhole:
      return true;
    case HeaderDecoder::Block::kDamaged:
      return Fail(ErrorCode::kCompressionError, "a header block cannot be decoded");
    case HeaderDecoder::Block::kTooLarge:
      break;
  }
  return Fail(ErrorCode::kEnhanceYourCalm, "a header block is larger than the limit");
}

bool Session::OnPriority(const FrameHeader& frame, std::string_view payload) {
  if (frame.stream_id == 0) return Fail(ErrorCode::kProtocolError, "PRIORITY on stream 0");
  if (payload.size() != kPriorityBytes) {
    return Fail(ErrorCode::kFrameSizeError, "PRIORITY must have 5 bytes");
  }
  if (ParentOf(payload) == frame.stream_id) {
    return Fail(ErrorCode::kProtocolError, "a stream that depends on itself");
  }
  return CountFrame();  // deprecated, without effect
}

bool Session::OnRstStream(const FrameHeader& frame, std::string_view payload) {
  if (payload.size() != 4) return Fail(ErrorCode::kFrameSizeError, "RST_STREAM must have 4 bytes");
  if (IsIdle(frame.stream_id)) {
    return Fail(ErrorCode::kProtocolError, "RST_STREAM on an idle stream");
  }
  return OnReset(frame.stream_id, Find(frame.stream_id),
                 static_cast<ErrorCode>(LoadBigEndian(payload.data(), 4)));
}

bool Session::OnSettings(const FrameHeader& frame, std::string_view payload) {
  if (frame.stream_id != 0) return Fail(ErrorCode::kProtocolError, "SETTINGS on a stream");
  const size_t settings = payload.size() / kSettingBytes;
  if (!CountFlood(kControlCost + static_cast<uint32_t>(settings) / kSettingsPerCost)) return false;
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

bool Session::OnSetting(Setting setting, uint32_t value) {
  switch (setting) {
    case Setting::kHeaderTableSize:
      writer_.AnnounceTableSize();
      return true;
    case Setting::kEnablePush:
      if (value > 1) return Fail(ErrorCode::kProtocolError, "ENABLE_PUSH must be 0 or 1");
      return value == 0 || role_ == Role::kServer ||
             Fail(ErrorCode::kProtocolError, "ENABLE_PUSH from a server");
    case Setting::kMaxConcurrentStreams:
      OnStreamsMax(value);
      return true;
    case Setting::kInitialWindowSize:
      return OnInitialWindow(value);
    case Setting::kMaxFrameSize:
      if (value < kDefaultFrameBytesMax || value > kFrameBytesMaxMax) {
        return Fail(ErrorCode::kProtocolError, "MAX_FRAME_SIZE must be from 16384 to 16777215");
      }
      queue_.SetFrameBytesMax(value);
      return true;
    case Setting::kMaxHeaderListSize:
      return true;
  }
  return true;  // an extension
}

bool Session::OnInitialWindow(uint32_t bytes) {
  if (bytes > kWindowMax) {
    return Fail(ErrorCode::kFlowControlError, "INITIAL_WINDOW_SIZE must be below 2^31");
  }
  if (!CountFlood(static_cast<uint32_t>(streams_.size() / kStreamsPerCost))) return false;
  const int64_t change = queue_.SetStreamWindow(bytes);
  for (const auto& [id, stream] : streams_) {
    if (!SendQueue::GrowWindow(*stream, change)) {
      return Fail(ErrorCode::kFlowControlError, "a window of 2^31 or more");
    }
  }
  return true;
}

bool Session::OnPing(const FrameHeader& frame, std::string_view payload) {
  if (frame.stream_id != 0) return Fail(ErrorCode::kProtocolError, "PING on a stream");
  if (payload.size() != 8) return Fail(ErrorCode::kFrameSizeError, "PING must have 8 bytes");
  if (!CountFrame()) return false;
  if (frame.Has(kAck)) {
    OnPong(payload);
  } else {
    writer_.Ping(kAck, payload);
  }
  return true;
}

bool Session::OnGoawayFrame(const FrameHeader& frame, std::string_view payload) {
  if (frame.stream_id != 0) return Fail(ErrorCode::kProtocolError, "GOAWAY on a stream");
  if (payload.size() < 8) return Fail(ErrorCode::kFrameSizeError, "GOAWAY must have 8 bytes");
  if (!CountFrame()) return false;
  return OnGoaway(static_cast<uint32_t>(LoadBigEndian(payload.data(), 4)) & kStreamIdMask,
                  static_cast<ErrorCode>(LoadBigEndian(payload.data() + 4, 4)), payload.substr(8));
}

bool Session::OnWindowUpdate(const FrameHeader& frame, std::string_view payload) {
  if (payload.size() != 4) {
    return Fail(ErrorCode::kFrameSizeError, "WINDOW_UPDATE must have 4 bytes");
  }
  const auto bytes = static_cast<uint32_t>(LoadBigEndian(payload.data(), 4)) & kWindowMax;
  // Clients return windows as they read, some for each message; a server has few reasons to.
  const bool counts = role_ == Role::kClient;
  if (frame.stream_id == 0) {
    if (bytes == 0) return Fail(ErrorCode::kProtocolError, "WINDOW_UPDATE of nothing");
    if (!queue_.GrowWindow(bytes)) {
      return Fail(ErrorCode::kFlowControlError, "a window of 2^31 or more");
    }
    if (counts && !queue_.has_blocked() && !CountFrame()) return false;
    queue_.FlushBlocked();
    return true;
  }
  if (IsIdle(frame.stream_id)) {
    return Fail(ErrorCode::kProtocolError, "WINDOW_UPDATE on an idle stream");
  }
  Stream* const stream = Find(frame.stream_id);
  if (counts && (stream == nullptr || !stream->is_blocked) && !CountFrame()) return false;
  if (stream == nullptr) return true;  // it was closed meanwhile
  if (bytes == 0) {
    return FailStream(stream->id, ErrorCode::kProtocolError, "WINDOW_UPDATE of nothing");
  }
  if (!SendQueue::GrowWindow(*stream, bytes)) {
    return FailStream(stream->id, ErrorCode::kFlowControlError, "a window of 2^31 or more");
  }
  if (stream->is_blocked) queue_.Flush(*stream);
  return true;
}

void Session::WriteConnectionWindow() {
  if (limits_.connection_window_bytes <= kDefaultWindow) return;
  const uint32_t more = limits_.connection_window_bytes - kDefaultWindow;
  writer_.Number(FrameType::kWindowUpdate, 0, more);
  receive_window_ += more;
}

void Session::ReceiveIntoWindow(uint32_t bytes) {
  receive_window_ -= bytes;
  unreturned_bytes_ += bytes;
  if (unreturned_bytes_ >= limits_.connection_window_bytes / 2) {
    writer_.Number(FrameType::kWindowUpdate, 0, unreturned_bytes_);
    receive_window_ += std::exchange(unreturned_bytes_, 0);
  }
}

void Session::ReceiveIntoWindow(Stream& stream, uint32_t bytes) {
  stream.receive_window -= bytes;
  stream.unreturned_bytes += bytes;
  if (!stream.keeps_window && stream.unreturned_bytes >= limits_.stream_window_bytes / 2) {
    GiveBackWindow(stream);
  }
}

void Session::GiveBackWindow(Stream& stream) {
  if (stream.unreturned_bytes == 0 || stream.remote_ended) return;
  writer_.Number(FrameType::kWindowUpdate, stream.id, stream.unreturned_bytes);
  stream.receive_window += std::exchange(stream.unreturned_bytes, 0);
}

void Session::Add(uint32_t id, Stream& stream) {
  stream.id = id;
  stream.receive_window = limits_.stream_window_bytes;
  queue_.Begin(stream);
  streams_.emplace(id, &stream);
  found_last_ = &stream;
}

void Session::Remove(Stream& stream) {
  queue_.Remove(stream);
  streams_.erase(stream.id);
  if (found_last_ == &stream) found_last_ = nullptr;
}

void Session::FlushAll() {
  for (const uint32_t id : StreamIds()) {
    Stream* const stream = Find(id);
    if (stream != nullptr && stream->is_blocked) queue_.Flush(*stream);
  }
}

std::vector<uint32_t> Session::StreamIds() const {
  std::vector<uint32_t> ids;
  for (const auto& [id, stream] : streams_) ids.push_back(id);
  return ids;
}

bool Session::CountFlood(uint32_t cost) {
  if (stage_ == Stage::kFailed) return false;
  if (guard_.Add(cost)) return true;
  return Fail(ErrorCode::kEnhanceYourCalm, "too many frames that bring nothing");
}

bool Session::Fail(ErrorCode code, std::string_view why) {
  if (stage_ == Stage::kStart) WriteHello();
  writer_.Goaway(last_accepted_, code, why);
  stage_ = Stage::kFailed;
  failure_code_ = code;
  failure_ = why;
  return false;
}

void Session::ReleaseMemory() {
  reader_.Release();
  queue_.ReleaseMemory();
  if (header_stream_ == 0) std::string().swap(header_block_);
}

}  // namespace larder::http2
