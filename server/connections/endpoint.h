#ifndef LARDER_SERVER_CONNECTIONS_ENDPOINT_H_
#define LARDER_SERVER_CONNECTIONS_ENDPOINT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace larder::server {

// HOST:PORT as a person writes it: a host name, an IPv4 address, or an IPv6 address in brackets.
struct Endpoint {
  std::string host;  // without brackets
  uint16_t port = 0;

  std::string ToString() const;
};

// INVALID_ARGUMENT: it is none; the message says what is wrong with it.
absl::StatusOr<Endpoint> ParseEndpoint(std::string_view text);

}  // namespace larder::server

#endif  // LARDER_SERVER_CONNECTIONS_ENDPOINT_H_
