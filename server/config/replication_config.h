#ifndef LARDER_SERVER_CONFIG_REPLICATION_CONFIG_H_
#define LARDER_SERVER_CONFIG_REPLICATION_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "server/connections/endpoint.h"
#include "server/connections/peer_address.h"

namespace larder::server {

// What can be set about the replication of a node. The flags and their ranges are in
// replication_flags.cc.
struct ReplicationConfig {
  static constexpr uint64_t kLogPieceBytes = uint64_t{64} << 10;  // as MutationLogOptions has it
  static constexpr uint32_t kReplicasMax = 16;                    // of one node

  std::optional<Endpoint> bus_listen;     // absent: the node has no bus
  std::optional<Endpoint> advertise;      // absent: as --listen; port 0: that of --listen
  std::optional<PeerAddress> replica_of;  // absent: it begins as a primary
  std::string secret_file;                // empty: none
  std::string state_dir;                  // empty: none
  uint64_t log_bytes = uint64_t{64} << 20;
  uint64_t copy_bytes_per_second = uint64_t{128} << 20;  // 0: as fast as replicas take it
  // Of writes for which the log has no room until replicas have read on.
  uint64_t held_write_bytes = uint64_t{64} << 20;
  absl::Duration held_write_timeout = absl::Seconds(5);
  uint32_t min_replicas_to_write = 0;
  absl::Duration in_time = absl::Seconds(1);
  absl::Duration restart_wait = absl::Seconds(3);
};

}  // namespace larder::server

#endif  // LARDER_SERVER_CONFIG_REPLICATION_CONFIG_H_
