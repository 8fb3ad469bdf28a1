#ifndef LARDER_CLIENT_CHANNEL_H_
#define LARDER_CLIENT_CHANNEL_H_

#include <grpcpp/channel.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "client/tls_options.h"

namespace larder {

struct GrpcChannelOptions {
  std::string address;  // as NormalizeAddress returns it
  absl::Duration connect_timeout = absl::Seconds(1);
  size_t max_receive_bytes = size_t{8} << 20;
  std::optional<TlsMaterial> tls;  // absent: plaintext
};

// A gRPC channel with a TCP connection of its own. Internal: includes grpcpp.
std::shared_ptr<grpc::Channel> CreateChannel(const GrpcChannelOptions& options);

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_H_
