#ifndef LARDER_PROTO_HTTP2_SESSION_LIMITS_H_
#define LARDER_PROTO_HTTP2_SESSION_LIMITS_H_

#include <cstdint>

namespace larder::http2 {

// What a session allows its peer, and itself.
struct SessionLimits {
  uint32_t streams_max = 1024;                // at the same time
  uint32_t header_bytes_max = 16u << 10;      // of one header section, decoded; and of its blocks
  uint32_t stream_window_bytes = 256u << 10;  // of DATA on its way, or not read yet
  uint32_t connection_window_bytes = 1024u << 10;
  uint32_t output_bytes_max = 256u << 10;  // DATA waits in its stream beyond
  uint32_t lent_bytes_min = 32u << 10;     // what a stream has waiting is lent from here on
};

}  // namespace larder::http2

#endif  // LARDER_PROTO_HTTP2_SESSION_LIMITS_H_
