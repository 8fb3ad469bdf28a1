#ifndef LARDER_SERVER_CONNECTIONS_LISTENING_SOCKET_H_
#define LARDER_SERVER_CONNECTIONS_LISTENING_SOCKET_H_

#include <chrono>
#include <cstdint>

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

// What came of asking a socket that listens for a connection.
struct Accepted {
  enum class Outcome : uint8_t {
    kConnection,
    kNoneWaits,
    kGone,            // one has waited, and is no more
    kOutOfResources,  // the system has no descriptor or memory for one, which waits on
  };
  Outcome outcome = Outcome::kConnection;
  FileDescriptor socket;  // of a connection: does not block, sends small pieces at once
};

Accepted Accept(const FileDescriptor& listening);

// How long to leave connections waiting that the system has no resources for.
inline constexpr std::chrono::milliseconds kPauseWithoutDescriptors{100};

}  // namespace larder::server

#endif  // LARDER_SERVER_CONNECTIONS_LISTENING_SOCKET_H_
