#ifndef LARDER_SERVER_TRANSPORT_CONNECTION_FIGURES_H_
#define LARDER_SERVER_TRANSPORT_CONNECTION_FIGURES_H_

#include <array>
#include <cstdint>

#include "server/connections/connection_table.h"
#include "server/metrics/transport_metrics.h"
#include "server/transport/transport_state.h"

namespace larder::server {

// The clients' connections at one instant: those that are open were accepted and have not ended.
struct ConnectionFigures {
  uint64_t open = 0;
  uint64_t accepted = 0;
  uint64_t refused = 0;
  uint64_t accept_failures = 0;
  std::array<uint64_t, kConnectionEndNames.size()> ended{};  // by ConnectionEnd
};

// Thread-safe. Where the transport does not tell of ends, looks at every socket.
ConnectionFigures ReadConnections(ConnectionTable& table, const TransportState& state);

}  // namespace larder::server

#endif  // LARDER_SERVER_TRANSPORT_CONNECTION_FIGURES_H_
