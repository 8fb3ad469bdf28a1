#ifndef LARDER_CLIENT_CHANNEL_CHANNEL_TARGET_H_
#define LARDER_CLIENT_CHANNEL_CHANNEL_TARGET_H_

#include <string>

#include "client/channel/channel_options.h"
#include "client/channel/request_blocks.h"
#include "client/channel/socket_address.h"

namespace larder {

// Options of a channel, and what follows from them for each of its connections.
struct ChannelTarget {
  explicit ChannelTarget(const ChannelOptions& from)
      : options(from),
        origin{AuthorityOf(from.address),
               from.tls == nullptr ? RequestOrigin::Scheme::kHttp : RequestOrigin::Scheme::kHttps,
               from.metadata},
        server_name(from.tls_server_name.empty() ? HostOf(from.address) : from.tls_server_name),
        is_numeric(IsNumericAddress(from.address)) {}

  const ChannelOptions options;
  const RequestOrigin origin;
  const std::string server_name;  // that TLS demands
  const bool is_numeric;          // the address
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_CHANNEL_TARGET_H_
