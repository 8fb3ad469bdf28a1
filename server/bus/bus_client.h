#ifndef LARDER_SERVER_BUS_BUS_CLIENT_H_
#define LARDER_SERVER_BUS_BUS_CLIENT_H_

#include <memory>

#include "absl/status/statusor.h"
#include "server/bus/bus_counters.h"
#include "server/bus/bus_options.h"
#include "server/bus/peer_stream.h"
#include "server/connections/endpoint.h"

namespace larder::server {

// Opens streams to the bus ports of others, each with a connection of its own. Thread-safe but for
// its end, which is not on a thread of gRPC's, closes the streams and waits until they have ended.
class BusClient {
 public:
  // `counters` outlive it.
  static std::unique_ptr<BusClient> Create(const BusOptions& options, BusCounters* counters);
  virtual ~BusClient() = default;

  // Begins to connect. The listener's first OnCanSend says that the source has taken the stream:
  // then send Hello. The first message is read without ReadNext. OnClosed says what was wrong
  // otherwise: UNAVAILABLE: not reached, or gone; DEADLINE_EXCEEDED: not within connect_timeout;
  // UNIMPLEMENTED: not a bus port; UNAUTHENTICATED: the cluster secret. FAILED_PRECONDITION: as
  // ReadTlsFiles, which are read for each stream; there is no stream then.
  virtual absl::StatusOr<std::shared_ptr<ReplicaStream>> Connect(
      const Endpoint& source, std::shared_ptr<ReplicaStreamListener> listener) = 0;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_BUS_BUS_CLIENT_H_
