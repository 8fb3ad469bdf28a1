#ifndef LARDER_SERVER_CONNECTIONS_PEER_ADDRESS_H_
#define LARDER_SERVER_CONNECTIONS_PEER_ADDRESS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/connections/endpoint.h"

namespace larder::server {

// A node as a person names it: where its clients connect. Its bus is at the same host, kBusOffset
// above that port, or where HOST:PORT@BUS_PORT says, as Redis Cluster writes it.
struct PeerAddress {
  static constexpr uint16_t kBusOffset = 10000;

  Endpoint client;
  uint16_t bus_port = 0;

  Endpoint bus() const { return {client.host, bus_port}; }
  // As short as ParsePeerAddress reads it.
  std::string ToString() const;
};

// INVALID_ARGUMENT: it is none; the message says what is wrong, and does not repeat it.
absl::StatusOr<PeerAddress> ParsePeerAddress(std::string_view text);

}  // namespace larder::server

#endif  // LARDER_SERVER_CONNECTIONS_PEER_ADDRESS_H_
