#ifndef LARDER_SERVER_GRPCPP_GRPC_FRONT_END_H_
#define LARDER_SERVER_GRPCPP_GRPC_FRONT_END_H_

#include <memory>

#include "absl/status/statusor.h"
#include "server/config/server_config.h"
#include "server/connections/connection_table.h"
#include "server/messages/service_parts.h"
#include "server/transport/front_end.h"

namespace larder::server {

// The client port by gRPC's own C++ server: the reference, and a way out. All that is given
// outlives the front end. UNAVAILABLE: cannot listen on config.listen. FAILED_PRECONDITION: as
// ReadTlsFiles; a certificate is used as it is now, until the end. REQUIRES: TlsContext takes it.
absl::StatusOr<std::unique_ptr<FrontEnd>> StartGrpcFrontEnd(const ServerConfig& config,
                                                            const ServiceParts& parts,
                                                            ConnectionTable* connections);

}  // namespace larder::server

#endif  // LARDER_SERVER_GRPCPP_GRPC_FRONT_END_H_
