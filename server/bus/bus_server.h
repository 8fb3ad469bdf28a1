#ifndef LARDER_SERVER_BUS_BUS_SERVER_H_
#define LARDER_SERVER_BUS_BUS_SERVER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cluster/replication/messages.h"
#include "server/bus/bus_counters.h"
#include "server/bus/bus_options.h"
#include "server/bus/peer_stream.h"
#include "server/connections/connection_table.h"
#include "server/connections/endpoint.h"

namespace larder::server {

// Who takes the streams of replicas. Called on threads of gRPC, several at once; must not wait.
class ReplicaAcceptor {
 public:
  virtual ~ReplicaAcceptor() = default;

  // A stream has begun with this Hello, which the listener hears next, in its first OnMessage. The
  // second message comes after ReadNext. Null: UNAVAILABLE for the replica.
  virtual std::shared_ptr<SourceStreamListener> OnReplica(std::shared_ptr<SourceStream> stream,
                                                          const cluster::Hello& hello) = 0;
};

// The bus port: serves larder.peer.v1.Replication. Start, Stop and the end on one thread that is
// not gRPC's; all that is given outlives it.
class BusServer {
 public:
  // UNAVAILABLE: cannot listen on options.listen. FAILED_PRECONDITION: as ReadTlsFiles.
  static absl::StatusOr<std::unique_ptr<BusServer>> Start(const BusOptions& options,
                                                          ReplicaAcceptor* acceptor,
                                                          BusCounters* counters);
  virtual ~BusServer() = default;

  // Takes no more streams, closes all with UNAVAILABLE, and waits until they have ended, which
  // takes little more than close_grace. The end does so, too.
  virtual void Stop() = 0;

  virtual const Endpoint& endpoint() const = 0;
  virtual const ConnectionTable& connections() const = 0;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_BUS_BUS_SERVER_H_
