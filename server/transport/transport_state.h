#ifndef LARDER_SERVER_TRANSPORT_TRANSPORT_STATE_H_
#define LARDER_SERVER_TRANSPORT_TRANSPORT_STATE_H_

#include <cstddef>

#include "server/metrics/transport_metrics.h"
#include "server/transport/byte_budget.h"

namespace larder::server {

// What all connections of a node share. Thread-safe.
struct TransportState {
  static constexpr size_t kIncompleteBytesMax = size_t{256} << 20;
  static constexpr size_t kUnreadBytesMax = size_t{512} << 20;

  explicit TransportState(size_t incomplete_bytes_max = kIncompleteBytesMax,
                          size_t unread_bytes_max = kUnreadBytesMax)
      : incomplete(incomplete_bytes_max), unread(unread_bytes_max) {}

  ByteBudget incomplete;  // requests that have come in part
  ByteBudget unread;      // answers that their clients do not take
  TransportMetrics metrics;
  bool counts_ends = true;  // of connections, in `metrics`: gRPC's own server does not
};

}  // namespace larder::server

#endif  // LARDER_SERVER_TRANSPORT_TRANSPORT_STATE_H_
