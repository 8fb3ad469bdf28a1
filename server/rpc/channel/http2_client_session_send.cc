#include <algorithm>
#include <utility>

#include "server/rpc/channel/http2_client_session.h"

// What a session sends; http2_client_session.cc has what it receives.
namespace larder::server::http2 {
namespace {

// HPACK: the dynamic table has 0 bytes from here on (RFC 7541, section 6.3).
constexpr char kNoDynamicTable = 0x20;

}  // namespace

char* Http2ClientSession::WriteFrame(FrameType type, uint8_t flags, uint32_t stream_id,
                                     size_t payload_bytes) {
  char* const at = output_->Extend(FrameHeader::kBytes + payload_bytes);
  FrameHeader{static_cast<uint32_t>(payload_bytes), type, flags, stream_id}.Write(at);
  return at + FrameHeader::kBytes;
}

void Http2ClientSession::WriteNumber(FrameType type, uint32_t stream_id, uint32_t number) {
  StoreBigEndian(number, 4, WriteFrame(type, 0, stream_id, 4));
}

void Http2ClientSession::WriteHello() {
  output_->Append(kPreface);
  const std::pair<Setting, uint32_t> settings[] = {
      {Setting::kEnablePush, 0},
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

void Http2ClientSession::SendPing() { std::fill_n(WriteFrame(FrameType::kPing, 0, 0, 8), 8, 'L'); }

void Http2ClientSession::ReceiveIntoWindow(ClientStream* stream, uint32_t bytes) {
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
  if (stream->unreturned_bytes >= limits_.stream_window_bytes / 2) {
    WriteNumber(FrameType::kWindowUpdate, stream->id, stream->unreturned_bytes);
    stream->receive_window += std::exchange(stream->unreturned_bytes, 0);
  }
}

void Http2ClientSession::Start(ClientStream& stream, std::string_view block,
                               std::string_view body) {
  stream.id = next_id_;
  next_id_ += 2;
  stream.has_head = stream.is_blocked = stream.is_queued = false;
  stream.send_window = peer_stream_window_;
  stream.receive_window = limits_.stream_window_bytes;
  stream.unreturned_bytes = 0;
  stream.unsent = body;
  streams_.emplace(stream.id, &stream);
  const size_t bytes = block.size() + (announces_table_size_ ? 1 : 0);
  char* at = WriteFrame(FrameType::kHeaders, kEndHeaders, stream.id, bytes);
  if (std::exchange(announces_table_size_, false)) *at++ = kNoDynamicTable;
  std::copy(block.begin(), block.end(), at);
  Flush(stream);
}

void Http2ClientSession::Cancel(ClientStream& stream, ErrorCode code) {
  constexpr uint64_t kFramesOfAnAnswer = 3;  // HEADERS, trailers, RST_STREAM
  WriteNumber(FrameType::kRstStream, stream.id, static_cast<uint32_t>(code));
  late_frames_ += kFramesOfAnAnswer;
  Drop(stream);
}

int64_t Http2ClientSession::SendableBytes(const ClientStream& stream) const {
  const int64_t windows = std::min(send_window_, stream.send_window);
  return output_->size() >= limits_.output_bytes_max
             ? 0
             : std::min(windows, int64_t{peer_frame_bytes_max_});
}

void Http2ClientSession::Flush(ClientStream& stream) {
  for (bool ends_stream = false; !ends_stream;) {
    const int64_t sendable = SendableBytes(stream);
    if (sendable <= 0 && !stream.unsent.empty()) return Block(stream);
    const size_t bytes = std::min(stream.unsent.size(), static_cast<size_t>(sendable));
    ends_stream = bytes == stream.unsent.size();
    char* const at = WriteFrame(FrameType::kData, ends_stream ? kEndStream : 0, stream.id, bytes);
    std::copy_n(stream.unsent.data(), bytes, at);
    stream.unsent.remove_prefix(bytes);
    send_window_ -= static_cast<int64_t>(bytes);
    stream.send_window -= static_cast<int64_t>(bytes);
  }
  stream.is_blocked = false;
}

void Http2ClientSession::Block(ClientStream& stream) {
  stream.is_blocked = true;
  // One that waits for its own window is told by WINDOW_UPDATE or SETTINGS.
  if (stream.send_window <= 0 || std::exchange(stream.is_queued, true)) return;
  blocked_.push_back(stream.id);
}

void Http2ClientSession::FlushBlocked() {
  // Each once, in turn, so that a stream with much to send does not hold up the others for ever.
  for (size_t i = blocked_.size();
       i > 0 && send_window_ > 0 && output_->size() < limits_.output_bytes_max; --i) {
    ClientStream* const stream = Find(blocked_.front());
    blocked_.pop_front();
    if (stream == nullptr) continue;
    stream->is_queued = false;
    if (stream->is_blocked) Flush(*stream);
  }
}

void Http2ClientSession::FlushAll() {
  std::vector<ClientStream*> blocked;
  for (const auto& [id, stream] : streams_) {
    if (stream->is_blocked) blocked.push_back(stream);
  }
  for (ClientStream* stream : blocked) Flush(*stream);
}

void Http2ClientSession::OnOutputSent() {
  if (stage_ != Stage::kFailed && !blocked_.empty()) FlushBlocked();
}

void Http2ClientSession::ReleaseMemory() {
  reader_.Release();
  if (header_stream_ == 0) std::string().swap(header_block_);
}

}  // namespace larder::server::http2
