#ifndef LARDER_SERVER_RPC_SERVICES_RPC_SERVICES_H_
#define LARDER_SERVER_RPC_SERVICES_RPC_SERVICES_H_

#include "server/forwarding/forwarder.h"
#include "server/messages/service_parts.h"
#include "server/reflection/descriptor_index.h"
#include "server/rpc/rpc_method.h"

namespace larder::server {

// Registers the methods of the client port. What is given outlives the methods. With a forwarder,
// which may be nullptr, they belong to its loop.
void AddCacheMethods(const ServiceParts& parts, Forwarder* forwarder, RpcMethods& methods);
void AddAdminMethods(const ServiceParts& parts, RpcMethods& methods);
void AddHealthMethods(const ServiceParts& parts, const DescriptorIndex* index, RpcMethods& methods);
void AddReflectionMethods(const DescriptorIndex* index, RpcMethods& methods);

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_SERVICES_RPC_SERVICES_H_
