#ifndef LARDER_SERVER_FORWARDING_FORWARDING_H_
#define LARDER_SERVER_FORWARDING_FORWARDING_H_

#include "server/forwarding/forwarded_bytes.h"
#include "server/forwarding/forwarding_metrics.h"
#include "server/forwarding/forwarding_options.h"
#include "server/forwarding/routing_publication.h"
#include "server/tls/tls_rotation.h"
#include "server/transport/inflight_limit.h"

namespace larder::server {

// What the I/O threads of a node share to send calls on to the nodes that own their slots, and to
// serve those that others send on. Thread-safe; outlives the front end.
struct Forwarding {
  // `tls` outlives this; nullptr: nodes speak plaintext to each other.
  explicit Forwarding(const ForwardingOptions& from, const TlsRotation* tls_rotation = nullptr);

  const ForwardingOptions options;
  const TlsRotation* const tls;
  RoutingPublication routing;  // at first all is here
  // Apart from each other and from --max_inflight, so that two nodes which are full of each other's
  // calls still serve their own.
  InflightLimit sent;
  InflightLimit received;
  ForwardedBytes bytes;
  ForwardingMetrics metrics;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_FORWARDING_FORWARDING_H_
