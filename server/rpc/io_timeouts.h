#ifndef LARDER_SERVER_RPC_IO_TIMEOUTS_H_
#define LARDER_SERVER_RPC_IO_TIMEOUTS_H_

#include "absl/time/time.h"

namespace larder::server {

// How long a connection may do nothing of some kind.
struct IoTimeouts {
  absl::Duration handshake_within = absl::Seconds(10);  // TLS, preface and SETTINGS
  absl::Duration ping_after = absl::Seconds(60);        // nothing was received
  absl::Duration pong_within = absl::Seconds(20);       // or the connection is closed
  absl::Duration unread_for = absl::Seconds(30);  // the client takes none of what waits for it
  absl::Duration linger = absl::Seconds(2);       // until the client has closed, too
  // A connection of that age, give or take a tenth, gets no new calls; it ends with its last call,
  // or after the grace.
  absl::Duration age_max = absl::InfiniteDuration();
  absl::Duration age_grace = absl::InfiniteDuration();
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_IO_TIMEOUTS_H_
