#ifndef LARDER_SERVER_GRPCPP_STATUS_CONVERSION_H_
#define LARDER_SERVER_GRPCPP_STATUS_CONVERSION_H_

#include "absl/status/status.h"

namespace grpc {
class Status;
}
namespace larder::server {

// A status as grpc++ sends it, with its details.
grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace larder::server

#endif  // LARDER_SERVER_GRPCPP_STATUS_CONVERSION_H_
