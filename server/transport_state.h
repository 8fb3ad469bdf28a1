#ifndef LARDER_SERVER_TRANSPORT_STATE_H_
#define LARDER_SERVER_TRANSPORT_STATE_H_

#include "server/metrics/transport_metrics.h"

namespace larder::server {

// What all connections of a node share. Thread-safe.
struct TransportState {
  TransportMetrics metrics;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_TRANSPORT_STATE_H_
