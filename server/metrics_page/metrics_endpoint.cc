#include "server/metrics_page/metrics_endpoint.h"

#include <sys/socket.h>

#include <chrono>
#include <memory>

#include "server/connections/listening_socket.h"
#include "server/http/paced_page.h"

namespace larder::server {
namespace {

constexpr char kPlainText[] = "text/plain; charset=utf-8";
constexpr char kPrometheusText[] = "text/plain; version=0.0.4; charset=utf-8";

// Twice that, as the system counts: enough for an answer, and all that a client can leave unread.
constexpr int kSendBufferBytes = 64 << 10;

HttpPages PagesOf(const MetricsEndpoint::Sources& sources) {
  const auto metrics =
      std::make_shared<PacedPage>(sources.metrics, &std::chrono::steady_clock::now);
  return {
      {.path = "/metrics",
       .content_type = kPrometheusText,
       .read = [metrics] { return HttpContent{200, metrics->Text()}; },
       .read_gzip = [metrics] { return metrics->Gzip(); }},
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
  // Those that are accepted have the same.
  ::setsockopt(listening->socket.number(), SOL_SOCKET, SO_SNDBUF, &kSendBufferBytes,
               sizeof(kSendBufferBytes));
  auto http = HttpServer::Start(*std::move(listening), PagesOf(sources), limits, sources.counters);
  if (!http.ok()) return http.status();
  return std::unique_ptr<MetricsEndpoint>(new MetricsEndpoint(*std::move(http)));
}

}  // namespace larder::server
