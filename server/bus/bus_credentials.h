#ifndef LARDER_SERVER_BUS_BUS_CREDENTIALS_H_
#define LARDER_SERVER_BUS_BUS_CREDENTIALS_H_

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
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> BusServerCredentials(
    const TlsFiles& files);
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> BusChannelCredentials(
    const TlsFiles& files);

}  // namespace larder::server

#endif  // LARDER_SERVER_BUS_BUS_CREDENTIALS_H_
