#ifndef LARDER_SERVER_GRPCPP_STATUS_CONVERSION_H_
#define LARDER_SERVER_GRPCPP_STATUS_CONVERSION_H_

#include "absl/status/status.h"

namespace grpc {
class Status;
}
namespace larder::v1 {
class ItemError;
}

namespace larder::server {

// The one place where a status becomes gRPC's. Its details repeat code and message, so that a
// client can tell the node's word from a broken connection; with a retry hint they hold a
// RetryInfo.
grpc::Status ToGrpcStatus(const absl::Status& status);

// The same for the error of one item of a call.
void FillItemError(const absl::Status& status, v1::ItemError* error);

}  // namespace larder::server

#endif  // LARDER_SERVER_GRPCPP_STATUS_CONVERSION_H_
