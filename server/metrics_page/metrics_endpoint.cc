#include "server/metrics_page/metrics_endpoint.h"

#include "server/connections/listening_socket.h"

namespace larder::server {
namespace {

constexpr char kPlainText[] = "text/plain; charset=utf-8";
constexpr char kPrometheusText[] = "text/plain; version=0.0.4; charset=utf-8";

HttpPages PagesOf(const MetricsEndpoint::Sources& sources) {
  return {
      {.path = "/metrics",
       .content_type = kPrometheusText,
       .read = [read = sources.metrics] { return HttpContent{200, read()}; },
       .is_long = true},
      {.path = "/healthz",
       .content_type = kPlainText,
       .read = [] { return HttpContent{200, "ok\n"}; }},
      {.path = "/readyz",
       .content_type = kPlainText,
       .read =
           [is_ready = sources.is_ready] {
             return is_ready() ? HttpContent{200, "ready\n"} : HttpContent{503, "not ready\n"};
           }},
  };
}

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsEndpoint>> MetricsEndpoint::Start(const Endpoint& endpoint,
                                                                        const HttpLimits& limits,
                                                                        const Sources& sources) {
  absl::StatusOr<ListeningSocket> listening = Listen(endpoint);
  if (!listening.ok()) return listening.status();
  auto http = HttpServer::Start(*std::move(listening), PagesOf(sources), limits, sources.counters);
  if (!http.ok()) return http.status();
  return std::unique_ptr<MetricsEndpoint>(new MetricsEndpoint(*std::move(http)));
}

}  // namespace larder::server
