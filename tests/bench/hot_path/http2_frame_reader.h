#ifndef LARDER_TESTS_BENCH_HOT_PATH_HTTP2_FRAME_READER_H_
#define LARDER_TESTS_BENCH_HOT_PATH_HTTP2_FRAME_READER_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "proto/http2/frame_reader.h"
#include "tests/bench/hot_path/http2_frame.h"

namespace larder::bench {

// Parts a stream of bytes, which comes in pieces, into frames.
class Http2FrameReader {
 public:
  // Takes the next frame from the front of `bytes`. False: it has not all come, and `bytes` is now
  // empty. The payload is valid until the next call. INTERNAL: a frame larger than we announced.
  absl::StatusOr<bool> Next(std::string_view& bytes, Http2Frame& frame);

 private:
  http2::FrameReader reader_;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_HTTP2_FRAME_READER_H_
