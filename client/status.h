#ifndef LARDER_CLIENT_STATUS_H_
#define LARDER_CLIENT_STATUS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "client/retry_policy.h"

namespace larder {

// A gRPC status that is not OK, as its parts.
struct RpcStatus {
  int code = 2;
  std::string message;
  std::string details;  // of grpc-status-details-bin; empty if there is none
};

// An attempt's failure, for the retry policy and for the caller.
struct RpcError {
  AttemptFailure failure;
  absl::Status status;  // carries RetryInfo as a payload; RetryAfter() reads it
};

// Reads untrusted bytes: details that are no larder.v1.StatusDetails count as absent. A status is
// taken as the node's own when it has details that repeat its code: gRPC's libraries never make
// these up.
RpcError InterpretRpcStatus(const RpcStatus& rpc);

// The error of one item of a multi-key call.
absl::Status ItemStatus(int code, std::string_view message,
                        const std::optional<absl::Duration>& retry_after);

}  // namespace larder

#endif  // LARDER_CLIENT_STATUS_H_
