#ifndef LARDER_SERVER_CONFIG_SERVER_CONFIG_H_
#define LARDER_SERVER_CONFIG_SERVER_CONFIG_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/config/replication_config.h"
#include "server/connections/endpoint.h"
#include "server/handlers/limits.h"
#include "server/http/http_limits.h"
#include "server/tls/tls_files.h"
#include "storage/eviction_kind.h"
#include "storage/keyspace.h"

namespace larder::server {

// All that can be set about a node. A default-constructed config is valid. The flags of the same
// names and their ranges are in flag_table.cc.
struct ServerConfig {
  enum class LogLevel : uint8_t { kInfo, kWarning, kError };
  enum class Transport : uint8_t { kNghttp2, kGrpcpp };

  Endpoint listen{"127.0.0.1", 7600};
  Endpoint metrics_listen{"127.0.0.1", 9600};
  bool has_metrics = true;  // false: --metrics_listen is empty
  HttpLimits metrics_limits;

  storage::KeyspaceOptions keyspace;
  Limits limits;

  size_t max_request_bytes = size_t{16} << 20;
  Transport transport = Transport::kNghttp2;
  TlsFiles tls;
  ReplicationConfig replication;
  uint32_t io_threads = 2;
  uint32_t max_connections = 10240;
  uint32_t max_inflight = 10000;
  // Calls between nodes.
  uint32_t max_forwarded = 10000;
  uint32_t max_forwarded_received = 10000;
  size_t max_forwarded_bytes = size_t{256} << 20;
  absl::Duration peer_connect_timeout = absl::Seconds(1);
  absl::Duration peer_keepalive_time = absl::Seconds(2);
  absl::Duration peer_keepalive_timeout = absl::Seconds(3);
  // Limits of one connection.
  uint32_t max_streams = 1024;
  size_t max_header_bytes = size_t{16} << 10;
  size_t max_incomplete_bytes = size_t{64} << 20;
  size_t max_unread_bytes = size_t{32} << 20;
  // Limits of all connections together.
  size_t max_total_incomplete_bytes = size_t{256} << 20;
  size_t max_total_unread_bytes = size_t{512} << 20;
  // Times of one connection.
  absl::Duration handshake_timeout = absl::Seconds(10);
  absl::Duration keepalive_time = absl::Seconds(60);
  absl::Duration keepalive_timeout = absl::Seconds(20);
  absl::Duration unread_timeout = absl::Seconds(30);
  absl::Duration max_connection_age = absl::InfiniteDuration();
  absl::Duration max_connection_age_grace = absl::InfiniteDuration();
  absl::Duration shutdown_delay = absl::ZeroDuration();
  absl::Duration drain_timeout = absl::Seconds(10);
  uint32_t node_number = 0;
  LogLevel log_level = LogLevel::kInfo;
  size_t max_log_bytes = size_t{1} << 20;
};

// What holds between flags. INVALID_ARGUMENT names both flags, their values and the rule.
absl::Status CheckConfig(const ServerConfig& config);

// The client address that the node tells others, when it listens at `client`.
Endpoint AdvertisedEndpoint(const ServerConfig& config, const Endpoint& client);

}  // namespace larder::server

#endif  // LARDER_SERVER_CONFIG_SERVER_CONFIG_H_
