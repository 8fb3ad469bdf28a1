#include "server/metrics_page/metrics_endpoint.h"

#include <fcntl.h>
#include <httplib.h>

#include <thread>
#include <utility>

#include "server/connections/listening_socket.h"

namespace larder::server {
namespace {

constexpr size_t kThreads = 16;         // each may wait for a slow client
constexpr size_t kBodyBytesMax = 4096;  // no request here has one
constexpr time_t kTimeoutSeconds = 5;
constexpr char kPlainText[] = "text/plain; charset=utf-8";
constexpr char kPrometheusText[] = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace

// httplib's server on a socket that we have bound: its own would be shared by SO_REUSEPORT.
class MetricsEndpoint::HttpServer : public httplib::Server {
 public:
  HttpServer(FileDescriptor socket, Sources sources) : sources_(std::move(sources)) {
    // httplib accepts without polling first when no idle interval is set.
    ::fcntl(socket.number(), F_SETFL, ::fcntl(socket.number(), F_GETFL) & ~O_NONBLOCK);
    svr_sock_ = socket.Release();
    new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
    // A scraper that stays connected would hold one of the few threads.
    set_keep_alive_max_count(1);
    set_payload_max_length(kBodyBytesMax);
    set_read_timeout(kTimeoutSeconds);
    set_write_timeout(kTimeoutSeconds);
    Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(sources_.metrics(), kPrometheusText);
    });
    Get("/healthz", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("ok\n", kPlainText);
    });
    Get("/readyz", [this](const httplib::Request&, httplib::Response& response) {
      const bool is_ready = sources_.is_ready();
      response.status = is_ready ? 200 : 503;
      response.set_content(is_ready ? "ready\n" : "not ready\n", kPlainText);
    });
    thread_ = std::thread([this] { listen_after_bind(); });
    // httplib ignores a stop that comes before it runs.
    while (!is_running()) std::this_thread::yield();
  }

  ~HttpServer() override {
    stop();
    thread_.join();
  }

 private:
  const Sources sources_;
  std::thread thread_;
};

MetricsEndpoint::MetricsEndpoint(Endpoint endpoint) : endpoint_(std::move(endpoint)) {}

MetricsEndpoint::~MetricsEndpoint() = default;

absl::StatusOr<std::unique_ptr<MetricsEndpoint>> MetricsEndpoint::Start(const Endpoint& endpoint,
                                                                        Sources sources) {
  absl::StatusOr<ListeningSocket> listening = Listen(endpoint);
  if (!listening.ok()) return listening.status();
  std::unique_ptr<MetricsEndpoint> result(new MetricsEndpoint(std::move(listening->endpoint)));
  result->http_ = std::make_unique<HttpServer>(std::move(listening->socket), std::move(sources));
  return result;
}

}  // namespace larder::server
