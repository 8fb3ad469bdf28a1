#ifndef LARDER_SERVER_RPC_SERVICES_PIPELINE_METHOD_H_
#define LARDER_SERVER_RPC_SERVICES_PIPELINE_METHOD_H_

#include <memory>

#include "server/forwarding/forwarder.h"
#include "server/messages/service_parts.h"
#include "server/rpc/rpc_method.h"

namespace larder::server {

// Cache.Pipeline. Operations are run in the order in which they came, one after the other.
class PipelineMethod final : public StreamingMethod {
 public:
  // `forwarder` outlives the method; nullptr: this node owns all slots.
  explicit PipelineMethod(const ServiceParts& parts, Forwarder* forwarder = nullptr)
      : parts_(parts), forwarder_(forwarder) {}
  std::unique_ptr<StreamingCall> Open(RpcCall& call) override;

 private:
  const ServiceParts parts_;
  Forwarder* const forwarder_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_SERVICES_PIPELINE_METHOD_H_
