#include "server/forwarding/forwarder.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/handlers/retry_hint.h"

namespace larder::server {

absl::StatusOr<ForwardedCall*> Forwarder::Start(const std::string& endpoint, ForwardRequest request,
                                                ForwardListener* listener) {
  const std::string method(MethodName(request.method));
  const size_t bytes = request.prefixed.size();
  if (!shared_.bytes.Take(bytes)) {
    return WithRetryHint(
        absl::ResourceExhaustedError(absl::StrCat(
            method, ": a request of ", bytes - ChannelCall::kPrefixBytes,
            " bytes does not fit into the limit ", shared_.bytes.bytes_max(),
            " bytes for all calls that are sent on to other nodes (--max_forwarded_bytes)")),
        shared_.options.retry_after);
  }
  const absl::StatusOr<Peer*> peer = peers_.Use(endpoint);
  if (!peer.ok()) {
    shared_.bytes.Return(bytes);
    return absl::Status(peer.status().code(), absl::StrCat(method, ": not applied: node ", endpoint,
                                                           ": ", peer.status().message()));
  }
  auto* const call = new ForwardedCall(&shared_, &peers_, std::move(request), listener);
  call->StartAt(**peer);
  return call;
}

}  // namespace larder::server
