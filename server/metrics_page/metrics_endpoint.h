#ifndef LARDER_SERVER_METRICS_PAGE_METRICS_ENDPOINT_H_
#define LARDER_SERVER_METRICS_PAGE_METRICS_ENDPOINT_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "server/connections/endpoint.h"
#include "server/http/http_counters.h"
#include "server/http/http_limits.h"
#include "server/http/http_server.h"

namespace larder::server {

// The HTTP pages of --metrics_listen: /metrics, /healthz (the process lives) and /readyz (it takes
// requests; 503 otherwise). Runs one thread of its own, which calls the sources.
class MetricsEndpoint {
 public:
  struct Sources {
    std::function<std::string()> metrics;  // in Prometheus' text format
    std::function<bool()> is_ready;
    HttpCounters* counters = nullptr;  // outlives the endpoint
  };

  // UNAVAILABLE: cannot listen there. RESOURCE_EXHAUSTED: as HttpServer::Start.
  static absl::StatusOr<std::unique_ptr<MetricsEndpoint>> Start(const Endpoint& endpoint,
                                                                const HttpLimits& limits,
                                                                const Sources& sources);

  // Where it listens: with the port that was chosen, if 0 was asked for.
  const Endpoint& endpoint() const { return http_->endpoint(); }
  // As HttpServer::PassBy.
  void PassBy() { http_->PassBy(); }

 private:
  explicit MetricsEndpoint(std::unique_ptr<HttpServer> http) : http_(std::move(http)) {}

  const std::unique_ptr<HttpServer> http_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_METRICS_PAGE_METRICS_ENDPOINT_H_
