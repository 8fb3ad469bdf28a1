#ifndef LARDER_SERVER_TRANSPORT_FRONT_END_H_
#define LARDER_SERVER_TRANSPORT_FRONT_END_H_

#include "absl/time/time.h"
#include "server/connections/endpoint.h"

namespace larder::server {

// Why a call was not served, or not to its end.
inline constexpr char kShuttingDown[] = "the node is shutting down";

// The client port: Cache, Maintenance, Cluster, health and reflection, by one transport or another.
class FrontEnd {
 public:
  virtual ~FrontEnd() = default;

  // Where it listens: with the port that was chosen, if 0 was asked for.
  virtual const Endpoint& endpoint() const = 0;

  // Returns when every thread that runs methods has finished what it ran when this was called: none
  // uses any more what was taken away before. Not with gRPC's own server, which does not say.
  virtual void PassBy() = 0;

  // Accepts no more, lets what is in flight finish for up to `timeout`, cancels the rest.
  virtual void Drain(absl::Duration timeout) = 0;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_TRANSPORT_FRONT_END_H_
