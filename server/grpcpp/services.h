#ifndef LARDER_SERVER_GRPCPP_SERVICES_H_
#define LARDER_SERVER_GRPCPP_SERVICES_H_

#include <memory>

#include "server/handlers/cache_handler.h"
#include "server/handlers/maintenance_handler.h"
#include "server/handlers/multi_key_handler.h"
#include "server/inflight_limit.h"
#include "server/metrics/request_metrics.h"
#include "server/readiness.h"
#include "server/reflection/descriptor_index.h"

namespace grpc {
class Service;
}

namespace larder::server {

class StreamRegistry;

// What the services work with. All outlive them.
struct ServiceParts {
  CacheHandler* cache = nullptr;
  MultiKeyHandler* multi_key = nullptr;
  MaintenanceHandler* maintenance = nullptr;
  RequestMetrics* metrics = nullptr;
  InflightLimit* inflight = nullptr;
  const Readiness* readiness = nullptr;
  StreamRegistry* streams = nullptr;
};

std::unique_ptr<grpc::Service> CreateCacheService(const ServiceParts& parts);
std::unique_ptr<grpc::Service> CreateMaintenanceService(const ServiceParts& parts);
std::unique_ptr<grpc::Service> CreateClusterService(const ServiceParts& parts);

// `index` must outlive the services. It lists the services whose health can be asked for.
std::unique_ptr<grpc::Service> CreateHealthService(const ServiceParts& parts,
                                                   const DescriptorIndex* index);
std::unique_ptr<grpc::Service> CreateReflectionV1Service(const ServiceParts& parts,
                                                         const DescriptorIndex* index);
std::unique_ptr<grpc::Service> CreateReflectionV1AlphaService(const ServiceParts& parts,
                                                              const DescriptorIndex* index);

}  // namespace larder::server

#endif  // LARDER_SERVER_GRPCPP_SERVICES_H_
