#ifndef LARDER_TESTS_BENCH_HOT_PATH_SENT_FRAMES_H_
#define LARDER_TESTS_BENCH_HOT_PATH_SENT_FRAMES_H_

#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "tests/bench/hot_path/http2_frame_reader.h"

namespace larder::bench {

// The frames that a client put into `output`, for tests. Takes its bytes, which the payloads are
// views of.
struct SentFrames {
  explicit SentFrames(std::string& output) : storage(std::move(output)) {
    output.clear();
    Http2FrameReader reader;
    std::string_view bytes = storage;
    while (!bytes.empty()) {
      Http2Frame& frame = frames.emplace_back();
      const auto is_complete = reader.Next(bytes, frame);
      EXPECT_TRUE(is_complete.ok() && *is_complete) << "a frame is cut off";
      if (!is_complete.ok() || !*is_complete) break;
    }
  }
  SentFrames(const SentFrames&) = delete;
  SentFrames& operator=(const SentFrames&) = delete;

  // The payloads of one type, one after the other.
  std::string PayloadOf(Http2FrameType type, uint32_t stream) const {
    std::string payload;
    for (const Http2Frame& frame : frames) {
      if (frame.type == type && frame.stream == stream) payload.append(frame.payload);
    }
    return payload;
  }

  std::string storage;
  std::vector<Http2Frame> frames;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_SENT_FRAMES_H_
