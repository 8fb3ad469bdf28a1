#ifndef LARDER_SERVER_RPC_HTTP2_STREAM_H_
#define LARDER_SERVER_RPC_HTTP2_STREAM_H_

#include <cstdint>
#include <optional>
#include <string>

#include "proto/http2/stream.h"

namespace larder::http2 {

// A stream as Http2Session knows it, the server's side.
struct RequestStream : Stream {
  std::optional<uint64_t> body_bytes_left;  // of a content-length
  std::string end_block;                    // the header block behind what is pending
  bool has_end = false;

 protected:
  RequestStream() = default;
  ~RequestStream() = default;

  // Makes it as new, with the memory that it has.
  void ResetStream() {
    Stream::ResetStream();
    body_bytes_left.reset();
    end_block.clear();
    has_end = false;
  }
};

}  // namespace larder::http2

#endif  // LARDER_SERVER_RPC_HTTP2_STREAM_H_
