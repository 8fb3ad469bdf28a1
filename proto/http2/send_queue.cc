#include "proto/http2/send_queue.h"

#include <cstring>

namespace larder::http2 {

void SendQueue::Remove(Stream& stream) {
  if (stream.is_queued) std::erase(blocked_, &stream);
  pending_bytes_ -= stream.pending.size();
}

void SendQueue::CloseData(Stream& stream, size_t frame, size_t payload_bytes) {
  const size_t bytes_max = frame_bytes_max_;
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

void SendQueue::SendPending(Stream& stream, size_t bytes) {
  pending_bytes_ += bytes;
  if (!stream.is_blocked) Flush(stream);
}

void SendQueue::SendBody(Stream& stream, std::string_view body) {
  stream.borrowed = body;
  stream.owes_end = true;
  Flush(stream);
}

void SendQueue::Flush(Stream& stream) {
  while (!stream.unsent().empty() || stream.owes_end) {
    const std::string_view unsent = stream.unsent();
    const int64_t sendable = SendableBytes(stream, output_->size());
    const bool is_lent = lends_ && stream.pending.size() >= lent_bytes_min_;
    if (is_lent || (sendable <= 0 && !unsent.empty())) return Block(stream);
    const size_t bytes =
        unsent.empty()
            ? 0
            : std::min({unsent.size(), static_cast<size_t>(sendable), size_t{frame_bytes_max_}});
    const bool is_last = stream.owes_end && bytes == unsent.size();
    if (is_last) stream.owes_end = false;
    FrameHeader{static_cast<uint32_t>(bytes), FrameType::kData, is_last ? kEndStream : uint8_t{0},
                stream.id}
        .Write(output_->Extend(FrameHeader::kBytes));
    output_->Append(unsent.substr(0, bytes));
    CountSent(stream, bytes);
    if (stream.borrowed.empty()) pending_bytes_ -= bytes;
    stream.MarkSent(bytes);
  }
  // A stream that goes on is not to hold the memory of its largest answer.
  if (stream.pending.capacity() > Stream::kKeptBytesMax) stream.pending.Release();
  MarkFlushed(stream);
}

void SendQueue::Block(Stream& stream) {
  if (!std::exchange(stream.is_blocked, true)) stream.progressed_at = seconds_;
  // One that waits for its own window is told by WINDOW_UPDATE or SETTINGS.
  if (stream.send_window <= 0 || std::exchange(stream.is_queued, true)) return;
  blocked_.push_back(&stream);
}

Stream* SendQueue::NextBlocked() {
  Stream* const stream = blocked_.front();
  blocked_.pop_front();
  stream->is_queued = false;
  return stream->is_blocked ? stream : nullptr;
}

void SendQueue::FlushBlocked() {
  // Each once, in turn, so that a stream with much to send does not hold up the others for ever.
  for (size_t i = blocked_.size();
       i > 0 && !blocked_.empty() && window_ > 0 && output_->size() < output_bytes_max_; --i) {
    if (Stream* const stream = NextBlocked(); stream != nullptr) Flush(*stream);
  }
}

bool SendQueue::HasLendable() const {
  // What a socket does not take is copied to the output, so first that is to be sent.
  if (window_ <= 0 || output_->size() >= lent_bytes_min_) return false;
  return std::any_of(blocked_.begin(), blocked_.end(), [](const Stream* stream) {
    return stream->is_blocked && stream->send_window > 0;
  });
}

void SendQueue::Lend(std::vector<std::string_view>& pieces) {
  const size_t mark = output_->Mark();
  pieces.emplace_back();
  size_t left = CanLend() ? output_bytes_max_ : 0;
  lent_headers_.reserve(kLentFramesMax);
  // Each once, as in FlushBlocked.
  for (size_t i = blocked_.size(); i > 0 && !blocked_.empty() && window_ > 0 && left > 0 &&
                                   lent_headers_.size() < kLentFramesMax;
       --i) {
    Stream* const stream = NextBlocked();
    if (stream == nullptr) continue;
    if (stream->pending.size() < lent_bytes_min_) {
      Flush(*stream);
    } else {
      left -= std::min(left, LendFrom(*stream, left, pieces));
    }
  }
  // Not before, since what comes behind the DATA may have moved the output.
  pieces.front() = output_->unsent().substr(0, mark);
  pieces.push_back(output_->From(mark));
}

size_t SendQueue::LendFrom(Stream& stream, size_t bytes_max,
                           std::vector<std::string_view>& pieces) {
  const std::string_view pending = stream.pending.unsent();
  // Not all but a rest that would be copied.
  if (pending.size() < bytes_max + lent_bytes_min_) bytes_max = pending.size();
  const int64_t window = std::max<int64_t>(SendableBytes(stream, /*waiting_bytes=*/0), 0);
  const size_t bytes = std::min({pending.size(), bytes_max, static_cast<size_t>(window)});
  size_t lent = 0;
  while (lent < bytes && lent_headers_.size() < kLentFramesMax) {
    const size_t payload_bytes = std::min<size_t>(bytes - lent, frame_bytes_max_);
    LendFrame(stream, pending.substr(lent, payload_bytes), pieces);
    lent += payload_bytes;
  }
  pending_bytes_ -= lent;
  if (lent < pending.size()) {
    if (lent > 0) lent_parts_.emplace_back(&stream, lent);
    Block(stream);
  } else {
    lent_buffers_.push_back(std::exchange(stream.pending, OutputBuffer()));
    MarkFlushed(stream);
  }
  return lent;
}

void SendQueue::LendFrame(Stream& stream, std::string_view payload,
                          std::vector<std::string_view>& pieces) {
  std::array<char, FrameHeader::kBytes>& header = lent_headers_.emplace_back();
  FrameHeader{static_cast<uint32_t>(payload.size()), FrameType::kData, 0, stream.id}.Write(
      header.data());
  pieces.emplace_back(header.data(), header.size());
  pieces.push_back(payload);
  CountSent(stream, payload.size());
}

void SendQueue::TakeBack(absl::Span<const std::string_view> pieces, size_t sent_bytes) {
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

}  // namespace larder::http2
