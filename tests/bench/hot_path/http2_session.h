#ifndef LARDER_TESTS_BENCH_HOT_PATH_HTTP2_SESSION_H_
#define LARDER_TESTS_BENCH_HOT_PATH_HTTP2_SESSION_H_

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "tests/bench/hot_path/answer_header_reader.h"
#include "tests/bench/hot_path/http2_frame.h"
#include "tests/bench/hot_path/http2_frame_reader.h"
#include "tests/bench/hot_path/http2_uploads.h"
#include "tests/bench/hot_path/request_header_block.h"

namespace larder::bench {

// A gRPC client's HTTP/2 connection, all of whose calls have one path, with no I/O: what is to be
// sent is appended to `output`. Acknowledges SETTINGS and PING, keeps to the server's windows and
// stream limit, gives the connection's window back as it is used. Not thread-safe.
class Http2Session {
 public:
  // Is told what calls bring. Must not call the session from there.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void OnData(uint32_t stream, std::string_view bytes) = 0;
    // The stream has ended; once for each. `problem` is empty after grpc-status 0.
    virtual void OnEnd(uint32_t stream, std::string_view problem) = 0;
  };

  // The window of each stream, which the session does not give back by itself.
  static constexpr uint32_t kStreamWindow = 16 << 20;

  // `listener` outlives the session.
  // `encoding`: of compressed messages, if there are any.
  Http2Session(std::string_view authority, std::string_view path, Listener* listener,
               std::string_view encoding = {});

  void Start(std::string& output);

  // The server takes another stream now.
  bool CanOpenStream() const { return open_streams_ < open_streams_max_; }
  // Returns its id: 1, 3, 5, ... REQUIRES: CanOpenStream.
  uint32_t OpenStream(std::string& output);
  // REQUIRES: not empty.
  void SendBody(uint32_t stream, std::string_view body, bool is_last, std::string& output);
  void ReturnWindow(uint32_t stream, uint32_t bytes, std::string& output);

  // Takes what the server sent next. INTERNAL: it is not HTTP/2, or more of it than this client
  // knows. UNAVAILABLE: the server ends the connection.
  absl::Status Receive(std::string_view bytes, std::string& output);

 private:
  absl::Status TakeFrame(Http2Frame frame, std::string& output);
  void TakeData(const Http2Frame& frame, size_t payload_bytes, std::string& output);
  absl::Status TakeHeaders(const Http2Frame& frame);
  absl::Status TakeHeaderBlock();
  absl::Status TakeSettings(const Http2Frame& frame, std::string& output);
  absl::Status TakeSetting(uint16_t identifier, uint32_t value, std::string& output);
  void TakeWindowUpdate(const Http2Frame& frame, std::string& output);
  void EndStream(uint32_t stream, std::string_view problem);
  bool IsOpen(uint32_t stream) const;

  Listener* const listener_;
  Http2FrameReader frame_reader_;
  RequestHeaderBlock request_headers_;
  AnswerHeaderReader answer_header_reader_;
  Http2Uploads uploads_;
  std::vector<bool> is_open_;  // by half the stream's id
  uint32_t open_streams_ = 0;
  uint32_t open_streams_max_ = std::numeric_limits<uint32_t>::max();
  uint32_t unreturned_bytes_ = 0;  // of the connection's window

  // The header block whose frames are coming.
  std::string header_block_;
  uint32_t header_stream_ = 0;
  bool headers_end_stream_ = false;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_HTTP2_SESSION_H_
