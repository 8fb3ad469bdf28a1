#ifndef LARDER_SERVER_FORWARDING_FORWARDING_OPTIONS_H_
#define LARDER_SERVER_FORWARDING_FORWARDING_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace larder::server {

// What a node allows itself and other nodes when it sends calls on to them. Flags of similar names.
struct ForwardingOptions {
  uint64_t sent_max = 10000;             // calls, and operations of a Pipeline
  uint64_t received_max = 10000;         // calls
  size_t bytes_max = size_t{256} << 20;  // of requests that were sent and their answers
  absl::Duration retry_after = absl::Milliseconds(100);  // what who is refused is told
  size_t answer_bytes_max = size_t{8} << 20;             // of one answer
  // Of the connections to other nodes.
  absl::Duration connect_timeout = absl::Seconds(1);
  absl::Duration keepalive_time = absl::Seconds(2);
  absl::Duration keepalive_timeout = absl::Seconds(3);
  size_t peers_max = 1024;  // whom one I/O thread is connected to
  // What nodes know each other's calls by (forwarded_proof.h); empty: whoever says so is a node.
  std::string proof = {};
};

}  // namespace larder::server

#endif  // LARDER_SERVER_FORWARDING_FORWARDING_OPTIONS_H_
