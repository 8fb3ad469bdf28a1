#ifndef LARDER_SERVER_MESSAGES_SERVICE_PARTS_H_
#define LARDER_SERVER_MESSAGES_SERVICE_PARTS_H_

#include <string>
#include <vector>

#include "server/handlers/cache_handler.h"
#include "server/handlers/maintenance_handler.h"
#include "server/handlers/multi_key_handler.h"
#include "server/handlers/replication_handler.h"
#include "server/metrics/request_metrics.h"
#include "server/transport/inflight_limit.h"
#include "server/transport/readiness.h"
#include "server/transport/transport_state.h"

namespace larder::server {

struct Forwarding;

// What the services of a front end work with. All outlive them.
struct ServiceParts {
  CacheHandler* cache = nullptr;
  MultiKeyHandler* multi_key = nullptr;
  MaintenanceHandler* maintenance = nullptr;
  ReplicationHandler* replication = nullptr;
  RequestMetrics* metrics = nullptr;
  InflightLimit* inflight = nullptr;
  TransportState* transport = nullptr;
  Readiness* readiness = nullptr;
  Forwarding* forwarding = nullptr;  // nullptr: this node owns all slots, for good
};

// The services of a client port, in order.
inline std::vector<std::string> ServiceNames() {
  return {"grpc.health.v1.Health",
          "grpc.reflection.v1.ServerReflection",
          "grpc.reflection.v1alpha.ServerReflection",
          "larder.v1.Cache",
          "larder.v1.Cluster",
          "larder.v1.Maintenance"};
}

}  // namespace larder::server

#endif  // LARDER_SERVER_MESSAGES_SERVICE_PARTS_H_
