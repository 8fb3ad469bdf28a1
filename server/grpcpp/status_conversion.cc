#include "server/grpcpp/status_conversion.h"

#include <grpcpp/support/status.h>

#include <string>

#include "server/messages/status_details.h"

namespace larder::server {

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()),
                      StatusDetailsOf(status));
}

}  // namespace larder::server
