#ifndef LARDER_SERVER_RPC_HTTP2_STREAM_H_
#define LARDER_SERVER_RPC_HTTP2_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "proto/http2/output_buffer.h"

namespace larder::http2 {

// One request with its answer, as Http2Session knows it. Who owns the streams derives from it.
struct Stream {
  uint32_t id = 0;
  bool remote_ended = false;   // the client has sent all
  bool keeps_window = false;   // what comes is not given back to the client's window
  bool is_blocked = false;     // something of `pending` must wait
  bool is_queued = false;      // in the session's queue for the connection's window and the socket
  int64_t send_window = 0;     // payload that may be sent
  int64_t receive_window = 0;  // payload that the client may send
  uint32_t unreturned_bytes = 0;            // received, and not given back to the client's window
  uint32_t progressed_at = 0;               // the second in which something of `pending` was sent
  std::optional<uint64_t> body_bytes_left;  // of a content-length

  // DATA that waits for a window or for the socket, and the header block that comes behind it.
  OutputBuffer pending;
  std::string end_block;
  bool has_end = false;

 protected:
  Stream() = default;
  ~Stream() = default;

  // As new, with the memory that it has.
  void ResetStream() {
    id = 0;
    remote_ended = keeps_window = is_blocked = is_queued = has_end = false;
    send_window = receive_window = 0;
    unreturned_bytes = 0;
    body_bytes_left.reset();
    pending.MarkSent(pending.size());
    if (pending.capacity() > kKeptBytesMax) pending.Release();
    end_block.clear();
  }

  static constexpr size_t kKeptBytesMax = 4096;
};

}  // namespace larder::http2

#endif  // LARDER_SERVER_RPC_HTTP2_STREAM_H_
