#include "tests/testing/link_proxy/message_counter.h"

#include <algorithm>

#include "proto/http2/http2_frame.h"
#include "proto/wire/big_endian.h"

namespace larder::link_proxy {
namespace {

using http2::FrameHeader;
using http2::FrameType;

constexpr size_t kPrefixBytes = 5;  // of a gRPC message: compressed, length

}  // namespace

size_t MessageCounter::Advance(std::string_view bytes) {
  const uint64_t events = frames_ + messages_;
  size_t taken = 0;
  while (taken < bytes.size() && frames_ + messages_ == events) {
    const std::string_view rest = bytes.substr(taken);
    taken += is_opaque_ ? rest.size() : in_payload_ ? TakePayload(rest) : TakeHeader(rest);
  }
  bytes_ += taken;
  return taken;
}

size_t MessageCounter::TakeHeader(std::string_view bytes) {
  // The client's first bytes are no frame; their length, read as one's, would be 5 MB.
  const bool is_first = bytes_ == 0 && header_.empty();
  if (is_first) is_preface_ = bytes.front() == http2::kPreface.front();
  const size_t wanted = is_preface_ ? http2::kPreface.size() : FrameHeader::kBytes;
  const size_t taken = std::min(bytes.size(), wanted - header_.size());
  header_.append(bytes.substr(0, taken));
  if (header_.size() < wanted) return taken;
  if (is_preface_) {
    is_opaque_ = header_ != http2::kPreface;
    is_preface_ = false;
    header_.clear();
    return taken;
  }
  const FrameHeader frame = FrameHeader::Read(header_.data());
  header_.clear();
  if (frame.type > FrameType::kContinuation) is_opaque_ = true;
  in_payload_ = true;
  is_data_ = frame.type == FrameType::kData;
  ends_stream_ = (is_data_ || frame.type == FrameType::kHeaders) && frame.Has(http2::kEndStream);
  if (frame.type == FrameType::kRstStream) ends_stream_ = true;
  stream_ = frame.stream_id;
  left_ = frame.payload_bytes;
  // Padding is not used by gRPC; with it a frame counts, but none of its messages.
  padding_ = is_data_ && frame.Has(http2::kPadded) ? left_ : 0;
  left_ -= padding_;
  if (left_ + padding_ == 0) EndFrame();
  return taken;
}

size_t MessageCounter::TakePayload(std::string_view bytes) {
  size_t taken = 0;
  if (left_ > 0) {
    const std::string_view part = bytes.substr(0, left_);
    taken = is_data_ ? TakeMessage(part) : part.size();
    left_ -= static_cast<uint32_t>(taken);
  } else {
    taken = std::min<size_t>(bytes.size(), padding_);
    padding_ -= static_cast<uint32_t>(taken);
  }
  if (left_ + padding_ == 0) EndFrame();
  return taken;
}

size_t MessageCounter::TakeMessage(std::string_view bytes) {
  Message& message = messages_of_streams_[stream_];
  size_t taken = 0;
  if (message.prefix.size() < kPrefixBytes) {
    taken = std::min(bytes.size(), kPrefixBytes - message.prefix.size());
    message.prefix.append(bytes.substr(0, taken));
    if (message.prefix.size() < kPrefixBytes) return taken;
    message.left = static_cast<uint32_t>(LoadBigEndian(message.prefix.data() + 1, 4));
  } else {
    taken = std::min<size_t>(bytes.size(), message.left);
    message.left -= static_cast<uint32_t>(taken);
  }
  if (message.left == 0) {
    ++messages_;
    message.prefix.clear();
  }
  return taken;
}

void MessageCounter::EndFrame() {
  in_payload_ = false;
  if (is_data_) ++frames_;
  if (ends_stream_) messages_of_streams_.erase(stream_);
}

}  // namespace larder::link_proxy
