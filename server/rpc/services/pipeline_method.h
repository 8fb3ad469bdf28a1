#ifndef LARDER_SERVER_RPC_SERVICES_PIPELINE_METHOD_H_
#define LARDER_SERVER_RPC_SERVICES_PIPELINE_METHOD_H_

#include <memory>

#include "server/messages/service_parts.h"
#include "server/rpc/rpc_method.h"

namespace larder::server {

// Cache.Pipeline. Operations are answered in the order in which they came, one after the other.
class PipelineMethod final : public StreamingMethod {
 public:
  explicit PipelineMethod(const ServiceParts& parts) : parts_(parts) {}
  std::unique_ptr<StreamingCall> Open(RpcCall& call) override;

 private:
  const ServiceParts parts_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_SERVICES_PIPELINE_METHOD_H_
