#ifndef LARDER_SERVER_GRPCPP_SERVICES_H_
#define LARDER_SERVER_GRPCPP_SERVICES_H_

#include <memory>

#include "server/messages/service_parts.h"
#include "server/reflection/descriptor_index.h"

namespace grpc {
class Service;
}

namespace larder::server {

class StreamRegistry;

std::unique_ptr<grpc::Service> CreateCacheService(const ServiceParts& parts,
                                                  StreamRegistry* streams);
std::unique_ptr<grpc::Service> CreateMaintenanceService(const ServiceParts& parts);
std::unique_ptr<grpc::Service> CreateClusterService(const ServiceParts& parts);

// `index` must outlive the services. It lists the services whose health can be asked for.
std::unique_ptr<grpc::Service> CreateHealthService(const ServiceParts& parts,
                                                   StreamRegistry* streams,
                                                   const DescriptorIndex* index);
std::unique_ptr<grpc::Service> CreateReflectionV1Service(StreamRegistry* streams,
                                                         const DescriptorIndex* index);
std::unique_ptr<grpc::Service> CreateReflectionV1AlphaService(StreamRegistry* streams,
                                                              const DescriptorIndex* index);

}  // namespace larder::server

#endif  // LARDER_SERVER_GRPCPP_SERVICES_H_
