#ifndef LARDER_PROTO_HTTP2_SESSION_LIMITS_H_
#define LARDER_PROTO_HTTP2_SESSION_LIMITS_H_

#include <algorithm>
#include <cstdint>

namespace larder::http2 {

// What a session allows its peer, and itself.
struct SessionLimits {
  uint32_t streams_max = 1024;                // at the same time
  uint32_t header_bytes_max = 16u << 10;      // of one header section, decoded
  uint32_t stream_window_bytes = 256u << 10;  // of DATA on its way, or not read yet
  uint32_t connection_window_bytes = 1024u << 10;
  uint32_t output_bytes_max = 256u << 10;  // DATA waits in its stream beyond
  uint32_t lent_bytes_min = 32u << 10;     // what a stream has waiting is lent from here on

  // Of the frames of a header section. One with more than header_bytes_max is refused; one with
  // more than this is not even decoded, and so ends the connection, whose decoder must see all.
  uint32_t header_block_bytes_max() const { return std::max(64u << 10, 8 * header_bytes_max); }
  // Of a header section that is refused, decoded: an index of one byte may stand for kilobytes.
  uint32_t decoded_bytes_max() const { return 4 * header_block_bytes_max(); }
};

}  // namespace larder::http2

#endif  // LARDER_PROTO_HTTP2_SESSION_LIMITS_H_
