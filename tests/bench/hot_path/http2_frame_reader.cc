#include "tests/bench/hot_path/http2_frame_reader.h"

#include "absl/strings/str_cat.h"

namespace larder::bench {

absl::StatusOr<bool> Http2FrameReader::Next(std::string_view& bytes, Http2Frame& frame) {
  using Result = http2::FrameReader::Result;
  http2::FrameHeader header{};
  const Result result = reader_.Next(bytes, header, frame.payload);
  if (result == Result::kTooLarge) {
    return absl::InternalError(absl::StrCat("a frame of ", header.payload_bytes, " bytes"));
  }
  frame.type = header.type;
  frame.flags = header.flags;
  frame.stream = header.stream_id;
  return result == Result::kFrame;
}

}  // namespace larder::bench
