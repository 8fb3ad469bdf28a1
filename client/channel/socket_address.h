#ifndef LARDER_CLIENT_CHANNEL_SOCKET_ADDRESS_H_
#define LARDER_CLIENT_CHANNEL_SOCKET_ADDRESS_H_

#include <sys/socket.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace larder {

// One place in a network, or on this machine, that can be connected to.
struct SocketAddress {
  sockaddr_storage storage;
  socklen_t bytes;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// What host:port, [IPv6]:port or unix:/path means; at least one. May wait for name servers, unless
// IsNumericAddress. INVALID_ARGUMENT: it cannot be an address. UNAVAILABLE: the name is not known.
absl::StatusOr<std::vector<SocketAddress>> ResolveAddress(const std::string& address);

// Nobody need be asked what it means.
bool IsNumericAddress(const std::string& address);

// Resolves it on a thread of its own, where `done` is called.
void ResolveAddressInBackground(
    const std::string& address,
    std::function<void(absl::StatusOr<std::vector<SocketAddress>>)> done);

// What a request names as its :authority.
std::string AuthorityOf(const std::string& address);

// Without port and brackets; of a unix socket it is localhost.
std::string HostOf(const std::string& address);

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_SOCKET_ADDRESS_H_
