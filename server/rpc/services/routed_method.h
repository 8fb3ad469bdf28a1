#ifndef LARDER_SERVER_RPC_SERVICES_ROUTED_METHOD_H_
#define LARDER_SERVER_RPC_SERVICES_ROUTED_METHOD_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "server/forwarding/forwarder.h"
#include "server/messages/service_parts.h"
#include "server/metrics/method.h"
#include "server/rpc/rpc_call.h"
#include "server/rpc/rpc_method.h"

namespace larder::server {

// A unary method of the Cache service for any key: runs it if this node owns the slot; else sends
// the request on, as it came, or says who owns it, to clients that want to know and to nodes that
// have sent it on themselves. Belongs to the thread of one I/O loop.
class RoutedMethod final : public UnaryMethod {
 public:
  using CreateMethod = std::function<std::unique_ptr<UnaryMethod>(const ServiceParts&)>;

  // `create` makes the method that runs requests here. `forwarder` outlives this.
  RoutedMethod(const ServiceParts& parts, Method method, Forwarder* forwarder,
               const CreateMethod& create);

  void Run(std::string_view request, RpcCall& call) override;

 private:
  // Who only says that it is a node, and could prove it, is served as any client.
  const ServiceParts& PartsFor(const RpcCall& call) const {
    return call.is_from_node() ? parts_of_received_ : parts_;
  }
  void RunRouted(std::string_view request, RpcCall& call);
  // Answers for nobody.
  void Refuse(const absl::Status& status, RpcCall& call);
  void Forward(const std::string& endpoint, std::string_view request, RpcCall& call);
  // Takes a multi-key request apart, by the routing that says it is to be.
  void Scatter(std::string_view request, const Routing& routing, RpcCall& call);

  const ServiceParts parts_;
  // With the limits of calls that are sent on, and of those from other nodes.
  const ServiceParts parts_of_sent_;
  const ServiceParts parts_of_received_;
  const Method method_;
  Forwarder& forwarder_;
  const std::unique_ptr<UnaryMethod> local_;
  const std::unique_ptr<UnaryMethod> local_for_peers_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_SERVICES_ROUTED_METHOD_H_
