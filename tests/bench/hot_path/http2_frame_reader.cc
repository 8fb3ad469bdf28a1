#include "tests/bench/hot_path/http2_frame_reader.h"

#include <optional>

#include "absl/strings/str_cat.h"

namespace larder::bench {

absl::StatusOr<bool> Http2FrameReader::Next(std::string_view& bytes, Http2Frame& frame) {
  constexpr uint32_t kStreamMask = 0x7fffffff;
  const std::optional<std::string_view> header = joiner_.Front(kHttp2FrameHeaderBytes, bytes);
  if (!header.has_value()) return false;
  frame.type = static_cast<Http2FrameType>((*header)[3]);
  frame.flags = static_cast<uint8_t>((*header)[4]);
  frame.stream = ReadBigEndian32(header->substr(5)) & kStreamMask;
  const uint32_t payload_bytes = ReadBigEndian32(*header) >> 8;
  if (payload_bytes > kHttp2DefaultFrameBytesMax) {
    return absl::InternalError(absl::StrCat("a frame of ", payload_bytes, " bytes"));
  }
  const size_t frame_bytes = kHttp2FrameHeaderBytes + payload_bytes;
  if (!joiner_.Front(frame_bytes, bytes).has_value()) return false;
  frame.payload = joiner_.Take(frame_bytes, bytes).substr(kHttp2FrameHeaderBytes);
  return true;
}

}  // namespace larder::bench
