#ifndef LARDER_SERVER_RPC_OVERLOAD_STATUS_H_
#define LARDER_SERVER_RPC_OVERLOAD_STATUS_H_

#include <cstddef>

#include "absl/status/status.h"

namespace larder::server {

// Why a transport takes no more: RESOURCE_EXHAUSTED with a retry hint, and the limit with its flag.
absl::Status IncompleteOnConnectionStatus(size_t bytes_max);
absl::Status IncompleteOnNodeStatus(size_t bytes_max);
absl::Status UnreadOnConnectionStatus(size_t bytes_max);
absl::Status UnreadOnNodeStatus(size_t bytes_max);

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_OVERLOAD_STATUS_H_
