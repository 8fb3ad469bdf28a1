#ifndef LARDER_SERVER_RPC_SERVICES_LOCAL_ITEMS_H_
#define LARDER_SERVER_RPC_SERVICES_LOCAL_ITEMS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "server/messages/request_bounds.h"
#include "server/messages/service_parts.h"
#include "server/metrics/method.h"
#include "server/rpc/rpc_call.h"

namespace larder::server {

// Told once of those items of a call that this node owns.
class LocalItemsListener {
 public:
  // On the thread of the call's loop, while the call is open. `response`: the message, if the
  // status is OK.
  virtual void OnLocal(const absl::Status& status, std::string response) = 0;

 protected:
  ~LocalItemsListener() = default;
};

// Runs a multi-key request of a call that also has items elsewhere. The listener is told at once,
// or later, unless the call ends before, with which the listener may go.
void RunLocalItems(Method method, const ServiceParts& parts, std::string_view request,
                   RpcCall& call, LocalItemsListener* listener);

// Whether the request may be taken apart: it is a message of its type within its bounds. Counts
// what is in its items, too.
ReadOutcome LookAtMultiKeyRequest(Method method, std::string_view request, const Limits& limits);

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_SERVICES_LOCAL_ITEMS_H_
