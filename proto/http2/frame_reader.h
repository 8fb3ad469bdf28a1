#ifndef LARDER_PROTO_HTTP2_FRAME_READER_H_
#define LARDER_PROTO_HTTP2_FRAME_READER_H_

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "proto/http2/http2_frame.h"

namespace larder::http2 {

// Cuts what comes from a socket into frames. A frame that is whole in the input is not copied; of
// others one is kept while it comes, and one that was given out. Not thread-safe.
class FrameReader {
 public:
  enum class Result { kFrame, kNeedsMore, kTooLarge };

  // The next frame of `input`, which loses the bytes that were used. The payload is valid until the
  // input goes.
  // kTooLarge: the payload is larger than kDefaultFrameBytesMax; nothing more can be read.
  Result Next(std::string_view& input, FrameHeader& header, std::string_view& payload) {
    if (partial_.empty()) {
      const Result result = Cut(input, header, payload);
      if (result == Result::kFrame) {
        input.remove_prefix(FrameHeader::kBytes + payload.size());
      } else if (result == Result::kNeedsMore) {
        Keep(input, input.size());
      }
      return result;
    }
    Keep(input, FrameHeader::kBytes - std::min(partial_.size(), FrameHeader::kBytes));
    if (partial_.size() < FrameHeader::kBytes) return Result::kNeedsMore;
    const size_t frame_bytes =
        FrameHeader::kBytes + FrameHeader::Read(partial_.data()).payload_bytes;
    if (frame_bytes <= FrameHeader::kBytes + kDefaultFrameBytesMax) {
      Keep(input, frame_bytes - partial_.size());
    }
    const Result result = Cut(partial_, header, payload);
    if (result == Result::kFrame) {
      // Only the first frame of an input can have begun in one before, so the last of these is not
      // needed any more.
      complete_.swap(partial_);
      partial_.clear();
      Cut(complete_, header, payload);
    }
    return result;
  }

  // Gives back what a frame that was kept has taken.
  void Release() {
    if (partial_.empty()) std::string().swap(partial_);
    std::string().swap(complete_);
  }

 private:
  static Result Cut(std::string_view bytes, FrameHeader& header, std::string_view& payload) {
    if (bytes.size() < FrameHeader::kBytes) return Result::kNeedsMore;
    header = FrameHeader::Read(bytes.data());
    if (header.payload_bytes > kDefaultFrameBytesMax) return Result::kTooLarge;
    payload = bytes.substr(FrameHeader::kBytes, header.payload_bytes);
    return payload.size() == header.payload_bytes ? Result::kFrame : Result::kNeedsMore;
  }

  void Keep(std::string_view& input, size_t bytes) {
    bytes = std::min(bytes, input.size());
    partial_.append(input.substr(0, bytes));
    input.remove_prefix(bytes);
  }

  std::string partial_;
  std::string complete_;
};

}  // namespace larder::http2

#endif  // LARDER_PROTO_HTTP2_FRAME_READER_H_
