#ifndef LARDER_SERVER_RPC_SERVICES_WIRE_METHODS_H_
#define LARDER_SERVER_RPC_SERVICES_WIRE_METHODS_H_

#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "server/messages/service_parts.h"
#include "server/rpc/rpc_method.h"

namespace larder::server {

// The methods that are called most: requests are read in place, answers are written where they are
// sent from, without messages in between.
std::unique_ptr<UnaryMethod> CreateGetMethod(const ServiceParts& parts);
std::unique_ptr<UnaryMethod> CreateSetMethod(const ServiceParts& parts);
std::unique_ptr<UnaryMethod> CreateDeleteMethod(const ServiceParts& parts);
std::unique_ptr<UnaryMethod> CreateMultiGetMethod(const ServiceParts& parts);

// Runs an operation of a Pipeline in the same way, if it is `admitted`. False: it is none of these,
// and nothing was done.
bool RunPipelineOperation(const ServiceParts& parts, const absl::Status& admitted,
                          std::string_view message, RpcCall& call);

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_SERVICES_WIRE_METHODS_H_
