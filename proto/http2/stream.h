#ifndef LARDER_PROTO_HTTP2_STREAM_H_
#define LARDER_PROTO_HTTP2_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/http2/output_buffer.h"

namespace larder::http2 {

// One request with its answer, as either side of a connection knows it. Who owns the streams
// derives from it.
struct Stream {
  static constexpr size_t kKeptBytesMax = 4096;  // of memory while nothing waits

  uint32_t id = 0;                // 0: on no session
  bool remote_ended = false;      // the peer has sent all
  bool keeps_window = false;      // what comes is not given back to the peer's window
  bool is_blocked = false;        // some DATA must wait
  bool is_queued = false;         // in the SendQueue, for the connection's window or the socket
  bool owes_end = false;          // the last DATA is to end the stream
  int64_t send_window = 0;        // payload that may be sent
  int64_t receive_window = 0;     // payload that the peer may send
  uint32_t unreturned_bytes = 0;  // received, and not given back to the peer's window
  uint32_t progressed_at = 0;     // the second in which some of the DATA that waited was sent

  // DATA that is not sent yet, in one of the two.
  OutputBuffer pending;
  std::string_view borrowed;

  std::string_view unsent() const { return borrowed.empty() ? pending.unsent() : borrowed; }
  void MarkSent(size_t bytes) {
    if (borrowed.empty()) {
      pending.MarkSent(bytes);
    } else {
      borrowed.remove_prefix(bytes);
    }
  }

 protected:
  Stream() = default;
  ~Stream() = default;

  // Makes it as new, with the memory that it has.
  void ResetStream() {
    id = 0;
    remote_ended = keeps_window = is_blocked = is_queued = owes_end = false;
    send_window = receive_window = 0;
    unreturned_bytes = 0;
    pending.MarkSent(pending.size());
    if (pending.capacity() > kKeptBytesMax) pending.Release();
    borrowed = {};
  }
};

}  // namespace larder::http2

#endif  // LARDER_PROTO_HTTP2_STREAM_H_
