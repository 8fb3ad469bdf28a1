#ifndef LARDER_SERVER_GRPCPP_GRPC_FRONT_END_H_
#define LARDER_SERVER_GRPCPP_GRPC_FRONT_END_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/config/server_config.h"
#include "server/connections/connection_table.h"
#include "server/connections/endpoint.h"
#include "server/handlers/cache_handler.h"
#include "server/handlers/maintenance_handler.h"
#include "server/handlers/multi_key_handler.h"
#include "server/inflight_limit.h"
#include "server/metrics/request_metrics.h"
#include "server/readiness.h"

namespace larder::server {

// The client port by gRPC's own C++ server: Cache, Maintenance, Cluster, health and reflection.
// gRPC runs the threads; the connections are accepted by us, so that their number is bounded.
class GrpcFrontEnd {
 public:
  // All outlive the front end.
  struct Parts {
    CacheHandler* cache = nullptr;
    MultiKeyHandler* multi_key = nullptr;
    MaintenanceHandler* maintenance = nullptr;
    RequestMetrics* metrics = nullptr;
    InflightLimit* inflight = nullptr;
    ConnectionTable* connections = nullptr;
    const Readiness* readiness = nullptr;
  };

  // UNAVAILABLE: cannot listen on config.listen.
  static absl::StatusOr<std::unique_ptr<GrpcFrontEnd>> Start(const ServerConfig& config,
                                                             const Parts& parts);
  ~GrpcFrontEnd();

  // With the port that was chosen, if 0 was asked for.
  const Endpoint& endpoint() const;

  // Accepts no more, lets what is in flight finish for up to `timeout`, cancels the rest.
  void Drain(absl::Duration timeout);

 private:
  class State;
  explicit GrpcFrontEnd(std::unique_ptr<State> state);
  const std::unique_ptr<State> state_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_GRPCPP_GRPC_FRONT_END_H_
