#include <algorithm>
#include <utility>

#include "server/rpc/http2_session.h"

// What a session sends; http2_session.cc has what it receives.
namespace larder::server::http2 {
namespace {

// HPACK: the dynamic table has 0 bytes from here on (RFC 7541, section 6.3).
constexpr char kNoDynamicTable = 0x20;

}  // namespace

char* Http2Session::WriteFrame(FrameType type, uint8_t flags, uint32_t stream_id,
                               size_t payload_bytes) {
  char* const at = output_->Extend(FrameHeader::kBytes + payload_bytes);
  FrameHeader{static_cast<uint32_t>(payload_bytes), type, flags, stream_id}.Write(at);
  return at + FrameHeader::kBytes;
}

void Http2Session::WriteNumber(FrameType type, uint32_t stream_id, uint32_t number) {
  StoreBigEndian(number, 4, WriteFrame(type, 0, stream_id, 4));
}

void Http2Session::WriteSettings() {
  const std::pair<Setting, uint32_t> settings[] = {
      {Setting::kMaxConcurrentStreams, limits_.streams_max},
      {Setting::kInitialWindowSize, limits_.stream_window_bytes},
      {Setting::kMaxHeaderListSize, limits_.header_bytes_max}};
  char* at = WriteFrame(FrameType::kSettings, 0, 0, std::size(settings) * kSettingBytes);
  for (const auto& [setting, value] : settings) {
    StoreBigEndian(static_cast<uint16_t>(setting), 2, at);
    StoreBigEndian(value, 4, at + 2);
    at += kSettingBytes;
  }
  if (limits_.connection_window_bytes > kDefaultWindow) {
    const uint32_t more = limits_.connection_window_bytes - kDefaultWindow;
    WriteNumber(FrameType::kWindowUpdate, 0, more);
    receive_window_ += more;
  }
}

void Http2Session::WriteGoaway(uint32_t last_stream, ErrorCode code, std::string_view why) {
  char* const at = WriteFrame(FrameType::kGoaway, 0, 0, 8 + why.size());
  StoreBigEndian(last_stream, 4, at);
  StoreBigEndian(static_cast<uint32_t>(code), 4, at + 4);
  std::copy(why.begin(), why.end(), at + 8);
}

void Http2Session::SendGoaway(std::string_view why) {
  if (is_draining_ || stage_ == Stage::kFailed) return;
  is_draining_ = true;
  if (stage_ == Stage::kStart) WriteSettings();
  WriteGoaway(last_accepted_, ErrorCode::kNoError, why);
}

void Http2Session::BeginGoaway(std::string_view why) {
  if (is_draining_ || stage_ != Stage::kFrames || !goaway_why_.empty()) return;
  goaway_why_ = why;
  goaway_begun_at_ = seconds_;
  // RFC 9113, section 6.8: first one that refuses nothing, then a round trip.
  WriteGoaway(kStreamIdMask, ErrorCode::kNoError, why);
  WritePing(kGoawayPing);
}

void Http2Session::SendPing() { WritePing("LLLLLLLL"); }

void Http2Session::WritePing(std::string_view payload) {
  std::copy(payload.begin(), payload.end(), WriteFrame(FrameType::kPing, 0, 0, payload.size()));
}

void Http2Session::ReceiveIntoWindow(Stream* stream, uint32_t bytes) {
  if (stream == nullptr) {
    receive_window_ -= bytes;
    unreturned_bytes_ += bytes;
    if (unreturned_bytes_ >= limits_.connection_window_bytes / 2) {
      WriteNumber(FrameType::kWindowUpdate, 0, unreturned_bytes_);
      receive_window_ += std::exchange(unreturned_bytes_, 0);
    }
    return;
  }
  stream->receive_window -= bytes;
  stream->unreturned_bytes += bytes;
  if (!stream->keeps_window && !stream->remote_ended &&
      stream->unreturned_bytes >= limits_.stream_window_bytes / 2) {
    ReturnWindow(*stream);
  }
}

void Http2Session::ReturnWindow(Stream& stream) {
  stream.keeps_window = false;
  if (stream.unreturned_bytes == 0 || stream.remote_ended) return;
  WriteNumber(FrameType::kWindowUpdate, stream.id, stream.unreturned_bytes);
  stream.receive_window += std::exchange(stream.unreturned_bytes, 0);
}

void Http2Session::WriteHeaderBlock(Stream& stream, std::string_view block, uint8_t flags) {
  const size_t bytes = block.size() + (announces_table_size_ ? 1 : 0);
  char* at = WriteFrame(FrameType::kHeaders, kEndHeaders | flags, stream.id, bytes);
  if (std::exchange(announces_table_size_, false)) *at++ = kNoDynamicTable;
  std::copy(block.begin(), block.end(), at);
}

void Http2Session::WriteHeaders(Stream& stream, std::string_view block) {
  WriteHeaderBlock(stream, block, 0);
}

int64_t Http2Session::SendableBytes(const Stream& stream) const {
  const int64_t windows = std::min(send_window_, stream.send_window);
  return output_->size() >= limits_.output_bytes_max
             ? 0
             : std::min(windows, int64_t{peer_frame_bytes_max_});
}

void Http2Session::CloseData(Stream& stream, char* frame, size_t payload_bytes) {
  send_window_ -= static_cast<int64_t>(payload_bytes);
  stream.send_window -= static_cast<int64_t>(payload_bytes);
  FrameHeader{static_cast<uint32_t>(payload_bytes), FrameType::kData, 0, stream.id}.Write(frame);
  stream.progressed_at = seconds_;
  guard_.OnAnswered();
}

void Http2Session::End(Stream& stream, std::string_view block) {
  if (!stream.pending.empty()) {
    stream.end_block = block;
    stream.has_end = true;
    return;
  }
  WriteHeaderBlock(stream, block, kEndStream);
  guard_.OnAnswered();
  // The client need not send the rest of a request that was answered.
  if (!stream.remote_ended) {
    WriteNumber(FrameType::kRstStream, stream.id, static_cast<uint32_t>(ErrorCode::kNoError));
  }
  Drop(stream);
}

void Http2Session::SendPending(Stream& stream, size_t bytes) {
  pending_bytes_ += bytes;
  if (!stream.is_blocked) Flush(stream);
}

void Http2Session::Flush(Stream& stream) {
  while (!stream.pending.empty()) {
    const int64_t sendable = SendableBytes(stream);
    if (sendable <= 0) return Block(stream);
    const size_t bytes = std::min(stream.pending.size(), static_cast<size_t>(sendable));
    char* const frame = output_->Extend(FrameHeader::kBytes + bytes);
    std::copy_n(stream.pending.unsent().data(), bytes, frame + FrameHeader::kBytes);
    CloseData(stream, frame, bytes);
    stream.pending.MarkSent(bytes);
    pending_bytes_ -= bytes;
  }
  const bool was_blocked = std::exchange(stream.is_blocked, false);
  if (stream.has_end) {
    End(stream, stream.end_block);
  } else if (was_blocked) {
    listener_->OnUnblocked(stream);
  }
}

void Http2Session::Block(Stream& stream) {
  if (!std::exchange(stream.is_blocked, true)) stream.progressed_at = seconds_;
  // One that waits for its own window is told by WINDOW_UPDATE or SETTINGS.
  if (stream.send_window <= 0 || std::exchange(stream.is_queued, true)) return;
  blocked_.push_back(stream.id);
}

void Http2Session::FlushBlocked() {
  // Each once, in turn, so that a stream with much to send does not hold up the others for ever.
  for (size_t i = blocked_.size();
       i > 0 && send_window_ > 0 && output_->size() < limits_.output_bytes_max; --i) {
    Stream* const stream = Find(blocked_.front());
    blocked_.pop_front();
    if (stream == nullptr) continue;
    stream->is_queued = false;
    if (stream->is_blocked) Flush(*stream);
  }
}

void Http2Session::FlushAll() {
  for (const uint32_t id : StreamIds()) {
    Stream* const stream = Find(id);
    if (stream != nullptr && stream->is_blocked) Flush(*stream);
  }
}

void Http2Session::OnOutputSent() {
  if (stage_ != Stage::kFailed && !blocked_.empty()) FlushBlocked();
}

void Http2Session::Reset(Stream& stream, ErrorCode code) {
  WriteNumber(FrameType::kRstStream, stream.id, static_cast<uint32_t>(code));
  Drop(stream);
}

void Http2Session::Rewind(size_t mark) {
  output_->Rewind(mark);
  announces_table_size_ = true;  // that may have been taken back
}

void Http2Session::ReleaseMemory() {
  reader_.Release();
  if (header_stream_ == 0) std::string().swap(header_block_);
}

}  // namespace larder::server::http2
