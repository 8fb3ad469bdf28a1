#include <algorithm>
#include <utility>

#include "client/channel/http2_client_session.h"

// What a session sends; http2_client_session.cc has what it receives.
namespace larder::http2 {
void Http2ClientSession::WriteHello() {
  output_->Append(kPreface);
  writer_.Settings({{Setting::kEnablePush, 0},
                    {Setting::kInitialWindowSize, limits_.stream_window_bytes},
                    {Setting::kMaxHeaderListSize, limits_.header_bytes_max}});
  if (limits_.connection_window_bytes > kDefaultWindow) {
    const uint32_t more = limits_.connection_window_bytes - kDefaultWindow;
    writer_.Number(FrameType::kWindowUpdate, 0, more);
    receive_window_ += more;
  }
}

void Http2ClientSession::SendPing() { writer_.Ping(0, kKeepalivePing); }

void Http2ClientSession::ReceiveIntoWindow(ClientStream* stream, uint32_t bytes) {
  if (stream == nullptr) {
    receive_window_ -= bytes;
    unreturned_bytes_ += bytes;
    if (unreturned_bytes_ >= limits_.connection_window_bytes / 2) {
      writer_.Number(FrameType::kWindowUpdate, 0, unreturned_bytes_);
      receive_window_ += std::exchange(unreturned_bytes_, 0);
    }
    return;
  }
  stream->receive_window -= bytes;
  stream->unreturned_bytes += bytes;
  if (stream->unreturned_bytes >= limits_.stream_window_bytes / 2) {
    writer_.Number(FrameType::kWindowUpdate, stream->id, stream->unreturned_bytes);
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
  writer_.Headers(stream.id, 0, block);
  Flush(stream);
}

void Http2ClientSession::Cancel(ClientStream& stream, ErrorCode code) {
  constexpr uint64_t kFramesOfAnAnswer = 3;  // HEADERS, trailers, RST_STREAM
  writer_.Number(FrameType::kRstStream, stream.id, static_cast<uint32_t>(code));
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
    char* const at =
        writer_.Frame(FrameType::kData, ends_stream ? kEndStream : 0, stream.id, bytes);
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

}  // namespace larder::http2
