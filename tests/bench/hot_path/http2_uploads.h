#ifndef LARDER_TESTS_BENCH_HOT_PATH_HTTP2_UPLOADS_H_
#define LARDER_TESTS_BENCH_HOT_PATH_HTTP2_UPLOADS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/hot_path/http2_frame.h"

namespace larder::bench {

// What is sent in DATA frames, and held back while the server's windows are full (RFC 9113, section
// 5.2). Frames are appended to the `output` of the call that makes them possible. Windows in bytes.
class Http2Uploads {
 public:
  // Sends more of a stream, or keeps what the windows have no room for. REQUIRES: not empty.
  void Send(uint32_t stream, std::string_view bytes, bool is_last, std::string& output);
  // The stream has ended: what is left of it is of no use.
  void Forget(uint32_t stream);

  // What the server says.
  void GrowConnectionWindow(uint32_t bytes, std::string& output);
  void GrowWindow(uint32_t stream, uint32_t bytes, std::string& output);
  void SetInitialWindow(uint32_t bytes, std::string& output);
  void SetFrameBytesMax(uint32_t bytes) { frame_bytes_max_ = bytes; }

 private:
  struct Upload {
    uint32_t stream = 0;
    int64_t window = 0;  // may be below 0 after SetInitialWindow
    bool is_last = false;
    std::string held_back = {};
    size_t held_back_begin = 0;  // what is before it was sent

    bool HoldsBack() const { return held_back_begin < held_back.size(); }
    bool IsOver() const { return is_last && !HoldsBack(); }
  };

  Upload* Find(uint32_t stream);
  // Appends frames with what the windows let pass of `bytes`, and takes it from its front.
  void AppendFrames(Upload& upload, std::string_view& bytes, std::string& output);
  void SendHeldBack(Upload& upload, std::string& output);
  void SendAllHeldBack(std::string& output);

  std::vector<Upload> uploads_;  // of the streams that may send more, in the order of their begin
  int64_t connection_window_ = kHttp2DefaultWindow;
  int64_t initial_window_ = kHttp2DefaultWindow;
  uint32_t frame_bytes_max_ = kHttp2DefaultFrameBytesMax;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_HTTP2_UPLOADS_H_
