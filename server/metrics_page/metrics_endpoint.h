#ifndef LARDER_SERVER_METRICS_PAGE_METRICS_ENDPOINT_H_
#define LARDER_SERVER_METRICS_PAGE_METRICS_ENDPOINT_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/connections/endpoint.h"

namespace larder::server {

// The HTTP pages of --metrics_listen: /metrics, /healthz (the process lives) and /readyz (it takes
// requests; 503 otherwise). Runs a few threads of its own, which call the sources.
class MetricsEndpoint {
 public:
  struct Sources {
    std::function<std::string()> metrics;  // in Prometheus' text format
    std::function<bool()> is_ready;
  };

  // UNAVAILABLE: cannot listen there.
  static absl::StatusOr<std::unique_ptr<MetricsEndpoint>> Start(const Endpoint& endpoint,
                                                                Sources sources);
  ~MetricsEndpoint();

  // Where it listens: with the port that was chosen, if 0 was asked for.
  const Endpoint& endpoint() const { return endpoint_; }

 private:
  class HttpServer;

  explicit MetricsEndpoint(Endpoint endpoint);

  const Endpoint endpoint_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_METRICS_PAGE_METRICS_ENDPOINT_H_
