#ifndef LARDER_SERVER_RPC_SERVICES_RPC_FRONT_END_H_
#define LARDER_SERVER_RPC_SERVICES_RPC_FRONT_END_H_

#include <memory>

#include "absl/status/statusor.h"
#include "server/config/server_config.h"
#include "server/connections/connection_table.h"
#include "server/messages/service_parts.h"
#include "server/tls/tls_rotation.h"
#include "server/transport/front_end.h"

namespace larder::server {

// The client port by our own gRPC server: --io_threads loops over epoll, HTTP/2 with nghttp2's
// HPACK. All that is given outlives the front end; `tls` is nullptr for plaintext.
// UNAVAILABLE: cannot listen on config.listen.
absl::StatusOr<std::unique_ptr<FrontEnd>> StartRpcFrontEnd(const ServerConfig& config,
                                                           const ServiceParts& parts,
                                                           ConnectionTable* connections,
                                                           const TlsRotation* tls);

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_SERVICES_RPC_FRONT_END_H_
