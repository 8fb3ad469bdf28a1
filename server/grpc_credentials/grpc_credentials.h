#ifndef LARDER_SERVER_GRPC_CREDENTIALS_GRPC_CREDENTIALS_H_
#define LARDER_SERVER_GRPC_CREDENTIALS_GRPC_CREDENTIALS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "server/tls/tls_files.h"

namespace grpc {
class ChannelCredentials;
class ServerCredentials;
}  // namespace grpc

namespace larder::server {

// The node's certificate for gRPC, as it is in the files now; plaintext if there is none.
// FAILED_PRECONDITION: as ReadTlsFiles.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> GrpcServerCredentials(
    const TlsFiles& files);
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> GrpcChannelCredentials(
    const TlsFiles& files);

}  // namespace larder::server

#endif  // LARDER_SERVER_GRPC_CREDENTIALS_GRPC_CREDENTIALS_H_
