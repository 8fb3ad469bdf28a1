#ifndef LARDER_SERVER_RPC_SERVICES_ROUTED_REQUEST_H_
#define LARDER_SERVER_RPC_SERVICES_ROUTED_REQUEST_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "server/forwarding/forwarding.h"
#include "server/forwarding/routing.h"
#include "server/handlers/cache_handler.h"
#include "server/handlers/limits.h"
#include "server/messages/request_bounds.h"
#include "server/metrics/method.h"
#include "server/rpc/rpc_call.h"

namespace larder::server {

// One item of a multi-key request.
struct RoutedItem {
  std::string_view bytes;  // the item's message
  uint32_t slot = 0;
  const SlotOwner* owner = nullptr;  // of the slot; this node, for a key that is none
};

// Who is to answer a request. Borrows from it and from the routing.
struct RoutedRequest {
  enum class Kind : uint8_t {
    kHere,        // this node, which refuses it if a key is none
    kOne,         // `owner`, all of it
    kSeveral,     // a multi-key request, whose items have several owners
    kUnreadable,  // nobody: whose its keys are cannot be said, by `outcome`
  };

  Kind kind = Kind::kHere;
  ReadOutcome outcome = ReadOutcome::kRead;
  uint32_t slot = 0;  // kOne: of the first key; 0 for a Scan
  const SlotOwner* owner = nullptr;
  std::vector<RoutedItem> items = {};  // of a multi-key request that is not kHere
};

inline bool IsMultiKey(Method method) {
  return method == Method::kMultiGet || method == Method::kMultiSet ||
         method == Method::kMultiDelete;
}

// Reads no more of the request than its keys, but of what a replica may answer: a Get that allows
// for staleness is this node's where its copy is fresh enough. REQUIRES: a unary method of the
// Cache service.
RoutedRequest RouteRequest(Method method, std::string_view request, const Routing& routing,
                           const CacheHandler& cache);

// Whether a client, or another node, wants to hear who owns a slot instead of being served by it.
inline bool WantsRedirect(const RpcCall& call) {
  return call.routing() == RoutingWish::kRedirect || call.is_forwarded();
}

// Whether the request is to be taken apart: its items have several owners, or may have by now,
// since only a map with one owner for all is sure to send them where they are answered together.
inline bool IsToBeScattered(const RoutedRequest& routed, const Routing& routing,
                            const RpcCall& call) {
  if (routed.kind == RoutedRequest::Kind::kSeveral) return true;
  return !routed.items.empty() && routing.sole_owner() == nullptr && !WantsRedirect(call);
}

// Why nobody is asked for a request that is kUnreadable: INVALID_ARGUMENT.
absl::Status UnroutableStatus(Method method, ReadOutcome outcome, const Limits& limits);

// Why this node does not answer for a slot that it does not own: FAILED_PRECONDITION with a
// redirect, or UNAVAILABLE if nobody is known to own it.
absl::Status NotHereStatus(Method method, uint32_t slot, const SlotOwner& owner,
                           const Routing& routing, ForwardingMetrics& metrics);

// Tells a client that routes for itself which map this node has.
void TellTopology(const Routing& routing, RpcCall& call);

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_SERVICES_ROUTED_REQUEST_H_
