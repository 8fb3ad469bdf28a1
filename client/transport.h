#ifndef LARDER_CLIENT_TRANSPORT_H_
#define LARDER_CLIENT_TRANSPORT_H_

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "client/channel/channel_call.h"
#include "client/client.h"
#include "client/tls_options.h"

namespace larder {

// How attempts of calls reach the node: bytes of a request's message there, bytes of an answer's
// message and a gRPC status back. Thread-safe. Internal.
class Transport {
 public:
  // REQUIRES: all calls have ended; not on a thread of the transport.
  virtual ~Transport() = default;

  // Begins an attempt, without blocking; call.OnDone() is its end, on a thread of the transport.
  virtual void Start(ChannelCall& call) = 0;
};

// Both take what is in the files of options.tls.

// By client/channel. INVALID_ARGUMENT names the file of options.tls that is no good.
// RESOURCE_EXHAUSTED, INTERNAL: as Client::Create.
absl::StatusOr<std::unique_ptr<Transport>> CreateNativeTransport(
    const ClientOptions& options, const std::optional<TlsMaterial>& tls);

// By grpc++, which finds out what is wrong with `tls` when it connects.
std::unique_ptr<Transport> CreateGrpcppTransport(const ClientOptions& options,
                                                 std::optional<TlsMaterial> tls);

}  // namespace larder

#endif  // LARDER_CLIENT_TRANSPORT_H_
