#include "server/transport/connection_figures.h"

#include <cstddef>

namespace larder::server {

ConnectionFigures ReadConnections(ConnectionTable& table, const TransportState& state) {
  ConnectionFigures figures;
  uint64_t ended = 0;
  for (size_t i = 0; i < figures.ended.size(); ++i) {
    figures.ended[i] = state.metrics.Read(static_cast<ConnectionEnd>(i));
    ended += figures.ended[i];
  }
  if (!state.counts_ends) table.Sweep();
  // Behind the ends: who has read one reads its accept, too.
  figures.accepted = table.accepted();
  figures.refused = table.refused();
  figures.accept_failures = table.accept_failures();
  figures.open = state.counts_ends ? figures.accepted - ended : table.current();
  return figures;
}

}  // namespace larder::server
