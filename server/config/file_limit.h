#ifndef LARDER_SERVER_CONFIG_FILE_LIMIT_H_
#define LARDER_SERVER_CONFIG_FILE_LIMIT_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "server/config/server_config.h"

namespace larder::server {

// How many clients' connections a node may have whose process may open `files_max` files:
// --max_connections or fewer, so that no client takes a descriptor which the metrics port or the
// node itself needs. FAILED_PRECONDITION: not one.
absl::StatusOr<uint32_t> ConnectionsWithin(const ServerConfig& config, uint64_t files_max);

}  // namespace larder::server

#endif  // LARDER_SERVER_CONFIG_FILE_LIMIT_H_
