#ifndef LARDER_SERVER_CONNECTIONS_LISTENING_SOCKET_H_
#define LARDER_SERVER_CONNECTIONS_LISTENING_SOCKET_H_

#include "absl/status/statusor.h"
#include "client/channel/file_descriptor.h"
#include "server/connections/endpoint.h"

namespace larder::server {

// A TCP socket that listens, and where: with port 0 asked for, the port that was chosen.
struct ListeningSocket {
  FileDescriptor socket;
  Endpoint endpoint;  // numeric host
};

// Listens without SO_REUSEPORT, so that two processes never share a port by accident.
// UNAVAILABLE: the host has no address, or the port is taken; the message says which.
absl::StatusOr<ListeningSocket> Listen(const Endpoint& endpoint);

}  // namespace larder::server

#endif  // LARDER_SERVER_CONNECTIONS_LISTENING_SOCKET_H_
