#include "server/forwarding/forwarding.h"

namespace larder::server {

Forwarding::Forwarding(const ForwardingOptions& from, const TlsRotation* tls_rotation)
    : options(from),
      tls(tls_rotation),
      sent(from.sent_max, from.retry_after,
           {.requests = "requests that it has sent on to other nodes", .flag = "--max_forwarded"}),
      received(from.received_max, from.retry_after,
               {.requests = "requests that other nodes have sent on",
                .flag = "--max_forwarded_received"}),
      bytes(from.bytes_max) {}

}  // namespace larder::server
