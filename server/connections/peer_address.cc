#include "server/connections/peer_address.h"

#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace larder::server {

std::string PeerAddress::ToString() const {
  std::string text = client.ToString();
  if (bus_port != client.port + kBusOffset) absl::StrAppend(&text, "@", bus_port);
  return text;
}

absl::StatusOr<PeerAddress> ParsePeerAddress(std::string_view text) {
  const size_t at = text.rfind('@');
  absl::StatusOr<Endpoint> client = ParseEndpoint(text.substr(0, at));
  if (!client.ok()) return client.status();
  if (client->port == 0) {
    return absl::InvalidArgumentError("its port must be a number from 1 to 65535");
  }
  PeerAddress address{.client = *std::move(client)};
  if (at != std::string_view::npos) {
    // As the port of an endpoint, whatever its host.
    const auto bus = ParseEndpoint(std::string("bus:").append(text.substr(at + 1)));
    if (!bus.ok() || bus->port == 0) {
      return absl::InvalidArgumentError(
          "the port of its bus, behind the @, must be a number from 1 to 65535");
    }
    address.bus_port = bus->port;
    return address;
  }
  if (address.client.port > std::numeric_limits<uint16_t>::max() - PeerAddress::kBusOffset) {
    return absl::InvalidArgumentError(
        absl::StrCat("its bus would be at port ", address.client.port + PeerAddress::kBusOffset,
                     ", and there is none above 65535: write HOST:PORT@BUS_PORT"));
  }
  address.bus_port = static_cast<uint16_t>(address.client.port + PeerAddress::kBusOffset);
  return address;
}

}  // namespace larder::server
