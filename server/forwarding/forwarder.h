#ifndef LARDER_SERVER_FORWARDING_FORWARDER_H_
#define LARDER_SERVER_FORWARDING_FORWARDER_H_

#include <string>

#include "absl/status/statusor.h"
#include "client/channel/event_loop.h"
#include "server/forwarding/forwarded_call.h"
#include "server/forwarding/forwarding.h"
#include "server/forwarding/held_bytes.h"
#include "server/forwarding/peer_channels.h"
#include "server/forwarding/routing_publication.h"

namespace larder::server {

// Knows, for one I/O loop, who owns a slot, and sends calls on to other nodes over channels that
// live on that loop. Belongs to the loop's thread; made and destroyed on others, behind the last of
// the calls that it was asked for.
class Forwarder {
 public:
  // Both outlive it.
  Forwarder(Forwarding* shared, EventLoop* events)
      : shared_(*shared), reader_(&shared->routing), peers_(shared, events) {}

  // Valid until the next call.
  const Routing& routing() { return reader_.Current(); }
  Forwarding& shared() { return shared_; }

  // Counts so many bytes that a request takes. RESOURCE_EXHAUSTED with a retry hint:
  // --max_forwarded_bytes.
  absl::StatusOr<HeldBytes> Hold(Method method, size_t bytes);

  // Sends a call to a node. The listener is told later, unless it abandons what is returned.
  // RESOURCE_EXHAUSTED: as Hold, if the request was not counted before. UNAVAILABLE: as
  // PeerChannels::Use.
  absl::StatusOr<ForwardedCall*> Start(const std::string& endpoint, ForwardRequest request,
                                       ForwardListener* listener);

 private:
  Forwarding& shared_;
  RoutingReader reader_;
  PeerChannels peers_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_FORWARDING_FORWARDER_H_
