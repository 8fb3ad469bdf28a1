#include "server/forwarding/forwarder.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/handlers/retry_hint.h"

namespace larder::server {

absl::StatusOr<HeldBytes> Forwarder::Hold(Method method, size_t bytes) {
  HeldBytes held(&shared_.bytes);
  if (held.Add(bytes)) return held;
  return WithRetryHint(
      absl::ResourceExhaustedError(absl::StrCat(
          std::string(MethodName(method)), ": a request of ", bytes,
          " bytes does not fit into the limit ", shared_.bytes.bytes_max(),
          " bytes for all calls that are sent on to other nodes (--max_forwarded_bytes)")),
      shared_.options.retry_after);
}

absl::StatusOr<ForwardedCall*> Forwarder::Start(const std::string& endpoint, ForwardRequest request,
                                                ForwardListener* listener) {
  if (!request.held.is_set()) {
    absl::StatusOr<HeldBytes> held =
        Hold(request.method, request.prefixed.size() - ChannelCall::kPrefixBytes);
    if (!held.ok()) return held.status();
    request.held = *std::move(held);
  }
  const absl::StatusOr<Peer*> peer = peers_.Use(endpoint);
  if (!peer.ok()) {
    return absl::Status(peer.status().code(), absl::StrCat(std::string(MethodName(request.method)),
                                                           ": not applied: node ", endpoint, ": ",
                                                           peer.status().message()));
  }
  auto* const call = new ForwardedCall(&shared_, &peers_, std::move(request), listener);
  call->StartAt(**peer);
  return call;
}

}  // namespace larder::server
