#include "server/metrics_page/metrics_endpoint.h"

#include <gmock/gmock.h>

#include <atomic>
#include <string>

#include "tests/server/client_socket.h"

namespace larder::server {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class MetricsEndpointTest : public testing::Test {
 protected:
  std::string Fetch(const std::string& path, const std::string& fields = "") {
    ClientSocket client(endpoint_->endpoint());
    client.Send("GET " + path + " HTTP/1.0\r\n" + fields + "\r\n");
    return client.ReadAll();
  }

  std::atomic<bool> is_ready_{false};
  HttpCounters counters_;
  const std::unique_ptr<MetricsEndpoint> endpoint_ =
      MetricsEndpoint::Start({"127.0.0.1", 0}, {},
                             {.metrics = [] { return std::string("metric 1\n"); },
                              .is_ready = [this] { return is_ready_.load(); },
                              .counters = &counters_})
          .value();
};

TEST_F(MetricsEndpointTest, ServesMetricsAsText) {
  const std::string answer = Fetch("/metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\nmetric 1\n"));
}

TEST_F(MetricsEndpointTest, CompressesMetricsForThoseWhoWantIt) {
  EXPECT_THAT(Fetch("/metrics", "Accept-Encoding: gzip\r\n"), HasSubstr("Content-Encoding: gzip"));
  EXPECT_THAT(Fetch("/metrics"), testing::Not(HasSubstr("Content-Encoding")));
}

TEST_F(MetricsEndpointTest, IsAliveBeforeItIsReady) {
  EXPECT_THAT(Fetch("/healthz"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Fetch("/readyz"), StartsWith("HTTP/1.1 503"));
  is_ready_ = true;
  EXPECT_THAT(Fetch("/readyz"), StartsWith("HTTP/1.1 200"));
}

TEST_F(MetricsEndpointTest, OtherPagesAreNotFound) {
  EXPECT_THAT(Fetch("/"), StartsWith("HTTP/1.1 404"));
}

TEST_F(MetricsEndpointTest, TakenPortIsAnError) {
  const auto second = MetricsEndpoint::Start(endpoint_->endpoint(), {}, {});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace larder::server
