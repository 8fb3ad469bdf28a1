#ifndef LARDER_SERVER_HTTP_HTTP_LIMITS_H_
#define LARDER_SERVER_HTTP_HTTP_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace larder::server {

// What clients of an HttpServer may take.
struct HttpLimits {
  uint32_t connections_max = 256;
  size_t request_bytes_max = size_t{8} << 10;  // of a head, and of a body
  // From the accept or the last answer to the end of a request, and from there to the end of its
  // answer.
  absl::Duration timeout = absl::Seconds(10);
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HTTP_HTTP_LIMITS_H_
