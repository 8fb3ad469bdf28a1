#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "server/rpc/http2_session.h"

// What a session sends; http2_session.cc has what it receives.
namespace larder::http2 {
void Http2Session::WriteSettings() {
  writer_.Settings({{Setting::kMaxConcurrentStreams, limits_.streams_max},
                    {Setting::kInitialWindowSize, limits_.stream_window_bytes},
                    {Setting::kMaxHeaderListSize, limits_.header_bytes_max}});
  if (limits_.connection_window_bytes > kDefaultWindow) {
    const uint32_t more = limits_.connection_window_bytes - kDefaultWindow;
    writer_.Number(FrameType::kWindowUpdate, 0, more);
    receive_window_ += more;
  }
}

void Http2Session::SendGoaway(std::string_view why) {
  if (is_draining_ || stage_ == Stage::kFailed) return;
  is_draining_ = true;
  if (stage_ == Stage::kStart) WriteSettings();
  writer_.Goaway(last_accepted_, ErrorCode::kNoError, why);
}

void Http2Session::BeginGoaway(std::string_view why) {
  if (is_draining_ || stage_ != Stage::kFrames || !goaway_why_.empty()) return;
  goaway_why_ = why;
  goaway_begun_at_ = seconds_;
  // RFC 9113, section 6.8: first one that refuses nothing, then a round trip.
  writer_.Goaway(kStreamIdMask, ErrorCode::kNoError, why);
  writer_.Ping(0, kGoawayPing);
}

void Http2Session::SendPing() { writer_.Ping(0, kKeepalivePing); }

void Http2Session::ReceiveIntoWindow(Stream* stream, uint32_t bytes) {
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
  if (!stream->keeps_window && !stream->remote_ended &&
      stream->unreturned_bytes >= limits_.stream_window_bytes / 2) {
    ReturnWindow(*stream);
  }
}

void Http2Session::ReturnWindow(Stream& stream) {
  stream.keeps_window = false;
  if (stream.unreturned_bytes == 0 || stream.remote_ended) return;
  writer_.Number(FrameType::kWindowUpdate, stream.id, stream.unreturned_bytes);
  stream.receive_window += std::exchange(stream.unreturned_bytes, 0);
}

void Http2Session::WriteHeaders(Stream& stream, std::string_view block) {
  writer_.Headers(stream.id, 0, block);
}

int64_t Http2Session::SendableBytes(const Stream& stream, size_t waiting_bytes) const {
  if (waiting_bytes >= limits_.output_bytes_max) return 0;
  return std::min(send_window_, stream.send_window);
}

void Http2Session::CountSent(Stream& stream, size_t payload_bytes) {
  send_window_ -= static_cast<int64_t>(payload_bytes);
  stream.send_window -= static_cast<int64_t>(payload_bytes);
  stream.progressed_at = seconds_;
  guard_.OnAnswered();
}

void Http2Session::CloseData(Stream& stream, size_t frame, size_t payload_bytes) {
  const size_t bytes_max = peer_frame_bytes_max_;
  const size_t more = payload_bytes == 0 ? 0 : (payload_bytes - 1) / bytes_max;
  output_->Extend(more * FrameHeader::kBytes);
  char* const first = output_->At(frame);
  for (size_t i = more + 1; i-- > 0;) {
    const size_t begin = i * bytes_max;
    const size_t bytes = std::min(payload_bytes - begin, bytes_max);
    char* const header = first + begin + i * FrameHeader::kBytes;
    if (i > 0) {
      std::memmove(header + FrameHeader::kBytes, first + FrameHeader::kBytes + begin, bytes);
    }
    FrameHeader{static_cast<uint32_t>(bytes), FrameType::kData, 0, stream.id}.Write(header);
  }
  CountSent(stream, payload_bytes);
}

void Http2Session::End(Stream& stream, std::string_view block) {
  if (!stream.pending.empty()) {
    stream.end_block = block;
    stream.has_end = true;
    return;
  }
  writer_.Headers(stream.id, kEndStream, block);
  guard_.OnAnswered();
  // The client need not send the rest of a request that was answered.
  if (!stream.remote_ended) {
    writer_.Number(FrameType::kRstStream, stream.id, static_cast<uint32_t>(ErrorCode::kNoError));
  }
  Drop(stream);
}

void Http2Session::SendPending(Stream& stream, size_t bytes) {
  pending_bytes_ += bytes;
  if (!stream.is_blocked) Flush(stream);
}

void Http2Session::Flush(Stream& stream) {
  while (!stream.pending.empty()) {
    const int64_t sendable = SendableBytes(stream, output_->size());
    const bool is_lent = lends_ && stream.pending.size() >= limits_.lent_bytes_min;
    if (sendable <= 0 || is_lent) return Block(stream);
    const size_t bytes = std::min(
        {stream.pending.size(), static_cast<size_t>(sendable), size_t{peer_frame_bytes_max_}});
    const size_t frame = output_->Mark();
    output_->Extend(FrameHeader::kBytes);
    output_->Append(stream.pending.unsent().substr(0, bytes));
    CloseData(stream, frame, bytes);
    stream.pending.MarkSent(bytes);
    pending_bytes_ -= bytes;
  }
  OnFlushed(stream);
}

void Http2Session::OnFlushed(Stream& stream) {
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

Stream* Http2Session::NextBlocked() {
  Stream* const stream = Find(blocked_.front());
  blocked_.pop_front();
  if (stream == nullptr) return nullptr;
  stream->is_queued = false;
  return stream->is_blocked ? stream : nullptr;
}

void Http2Session::FlushBlocked() {
  // Each once, in turn, so that a stream with much to send does not hold up the others for ever.
  for (size_t i = blocked_.size();
       i > 0 && send_window_ > 0 && output_->size() < limits_.output_bytes_max; --i) {
    if (Stream* const stream = NextBlocked(); stream != nullptr) Flush(*stream);
  }
}

bool Http2Session::CanLend() const {
  // What a socket does not take is copied to the output, so first that is to be sent.
  if (!lends_ || send_window_ <= 0 || output_->size() >= limits_.lent_bytes_min) return false;
  return std::any_of(blocked_.begin(), blocked_.end(), [this](uint32_t id) {
    const auto found = streams_.find(id);
    return found != streams_.end() && found->second->is_blocked && found->second->send_window > 0;
  });
}

void Http2Session::Lend(std::vector<std::string_view>& pieces) {
  const size_t mark = output_->Mark();
  pieces.emplace_back();
  size_t left = CanLend() ? limits_.output_bytes_max : 0;
  lent_headers_.reserve(kLentFramesMax);
  // Each once, as in FlushBlocked.
  for (size_t i = blocked_.size();
       i > 0 && send_window_ > 0 && left > 0 && lent_headers_.size() < kLentFramesMax; --i) {
    Stream* const stream = NextBlocked();
    if (stream == nullptr) continue;
    if (stream->pending.size() < limits_.lent_bytes_min) {
      Flush(*stream);
    } else {
      left -= std::min(left, LendFrom(*stream, left, pieces));
    }
  }
  // Not before, since what comes behind the DATA may have moved the output.
  pieces.front() = output_->unsent().substr(0, mark);
  pieces.push_back(output_->From(mark));
}

size_t Http2Session::LendFrom(Stream& stream, size_t bytes_max,
                              std::vector<std::string_view>& pieces) {
  const std::string_view pending = stream.pending.unsent();
  // Not all but a rest that would be copied.
  if (pending.size() < bytes_max + limits_.lent_bytes_min) bytes_max = pending.size();
  const int64_t window = std::max<int64_t>(SendableBytes(stream, /*waiting_bytes=*/0), 0);
  const size_t bytes = std::min({pending.size(), bytes_max, static_cast<size_t>(window)});
  size_t lent = 0;
  while (lent < bytes && lent_headers_.size() < kLentFramesMax) {
    const size_t payload_bytes = std::min<size_t>(bytes - lent, peer_frame_bytes_max_);
    LendFrame(stream, pending.substr(lent, payload_bytes), pieces);
    lent += payload_bytes;
  }
  pending_bytes_ -= lent;
  if (lent < pending.size()) {
    if (lent > 0) lent_parts_.emplace_back(&stream, lent);
    Block(stream);
  } else {
    lent_buffers_.push_back(std::exchange(stream.pending, OutputBuffer()));
    OnFlushed(stream);
  }
  return lent;
}

void Http2Session::LendFrame(Stream& stream, std::string_view payload,
                             std::vector<std::string_view>& pieces) {
  std::array<char, FrameHeader::kBytes>& header = lent_headers_.emplace_back();
  FrameHeader{static_cast<uint32_t>(payload.size()), FrameType::kData, 0, stream.id}.Write(
      header.data());
  pieces.emplace_back(header.data(), header.size());
  pieces.push_back(payload);
  CountSent(stream, payload.size());
}

void Http2Session::TakeBack(absl::Span<const std::string_view> pieces, size_t sent_bytes) {
  size_t all_bytes = 0;
  for (const std::string_view piece : pieces) all_bytes += piece.size();
  const size_t lent_bytes = all_bytes - output_->size();
  if (lent_bytes == 0 || sent_bytes >= all_bytes - pieces.back().size()) {
    output_->MarkSent(sent_bytes - lent_bytes);
  } else {
    OutputBuffer rest;
    char* at = rest.Extend(all_bytes - sent_bytes);
    for (std::string_view piece : pieces) {
      const size_t sent = std::min(piece.size(), sent_bytes);
      sent_bytes -= sent;
      piece.remove_prefix(sent);
      at = std::copy(piece.begin(), piece.end(), at);
    }
    *output_ = std::move(rest);
  }
  for (const auto& [stream, bytes] : lent_parts_) stream->pending.MarkSent(bytes);
  lent_parts_.clear();
  lent_buffers_.clear();
  lent_headers_.clear();
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
  writer_.Number(FrameType::kRstStream, stream.id, static_cast<uint32_t>(code));
  Drop(stream);
}

void Http2Session::Rewind(size_t mark) {
  output_->Rewind(mark);
  writer_.AnnounceTableSize();  // that may have been taken back
}

void Http2Session::ReleaseMemory() {
  reader_.Release();
  lent_headers_ = {};
  if (header_stream_ == 0) std::string().swap(header_block_);
}

}  // namespace larder::http2
