#include <gmock/gmock.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "client/channel/file_descriptor.h"
#include "server/metrics/request_metrics.h"
#include "server/metrics_page/process_figures.h"
#include "server/metrics_page/prometheus_text.h"
#include "server/transport/inflight_limit.h"
#include "tests/server/fake_replication.h"

namespace larder::server {
namespace {

using testing::HasSubstr;
using testing::Not;

const RequestMetrics::MethodFigures& Of(const RequestMetrics::Figures& figures, Method method) {
  return figures[static_cast<size_t>(method)];
}

TEST(RequestMetricsTest, CountsByMethodCodeAndLatency) {
  RequestMetrics metrics;
  metrics.Record(Method::kGet, absl::StatusCode::kOk, absl::Microseconds(5));
  metrics.Record(Method::kGet, absl::StatusCode::kOk, absl::Microseconds(6));
  metrics.Record(Method::kGet, absl::StatusCode::kInvalidArgument, absl::Hours(1));
  metrics.Record(Method::kSet, absl::StatusCode::kOk, -absl::Seconds(1));
  const auto figures = metrics.Read();
  const auto& get = Of(figures, Method::kGet);
  EXPECT_EQ(get.codes[0], 2u);
  EXPECT_EQ(get.codes[3], 1u);
  EXPECT_EQ(get.buckets[0], 1u);
  EXPECT_EQ(get.buckets[1], 1u);
  EXPECT_EQ(get.buckets.back(), 1u);
  EXPECT_EQ(get.count(), 3u);
  EXPECT_EQ(get.nanoseconds, 3600ll * 1000000000 + 11000);
  EXPECT_EQ(Of(figures, Method::kSet).nanoseconds, 0);
  EXPECT_EQ(Of(figures, Method::kSet).buckets[0], 1u);
  EXPECT_EQ(Of(figures, Method::kDelete).count(), 0u);
}

TEST(RequestMetricsTest, LosesNoRequestOfAnyThread) {
  RequestMetrics metrics;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 50000; ++j) {
        metrics.Record(Method::kLease, absl::StatusCode::kOk, absl::Microseconds(j % 100));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Of(metrics.Read(), Method::kLease).codes[0], 200000u);
  EXPECT_EQ(Of(metrics.Read(), Method::kLease).count(), 200000u);
}

TEST(ProcessFiguresTest, AreThoseOfThisProcess) {
  const ProcessFigures figures = ReadProcessFigures();
  EXPECT_GT(figures.resident_bytes, 1u << 20);
  EXPECT_GT(figures.virtual_bytes, figures.resident_bytes);
  EXPECT_GE(figures.open_descriptors, 3u);
  EXPECT_GE(figures.open_descriptors_max, figures.open_descriptors);
  EXPECT_GE(figures.threads, 1u);
  EXPECT_GT(figures.start_time_seconds, 1.6e9);
  EXPECT_GE(figures.cpu_seconds, 0);
}

class PrometheusTextTest : public testing::Test {
 protected:
  PrometheusTextTest()
      : keyspace_(storage::Keyspace::Create({}, &versions_).value()),
        connections_(10),
        inflight_(10, absl::Milliseconds(1)) {}

  std::string Text() {
    return PrometheusText({.keyspace = &keyspace_,
                           .requests = &requests_,
                           .connections = &connections_,
                           .inflight = &inflight_,
                           .tls = &tls_,
                           .transport = &transport_,
                           .metrics_port = &metrics_port_,
                           .replication = replication_});
  }

  storage::HybridClock versions_{0};
  ServedKeyspace keyspace_;
  RequestMetrics requests_;
  ConnectionTable connections_;
  InflightLimit inflight_;
  TlsCounters tls_;
  TransportState transport_;
  HttpCounters metrics_port_;
  const ReplicationControl* replication_ = nullptr;
};

TEST_F(PrometheusTextTest, TellsOfCallsBetweenNodes) {
  Forwarding forwarding{ForwardingOptions()};
  forwarding.routing.Publish(Routing::AllAt("h:1", 42));
  forwarding.metrics.sent.Record(Method::kSet, absl::StatusCode::kUnknown, absl::Milliseconds(3));
  forwarding.metrics.received[static_cast<size_t>(Method::kGet)] = 5;
  forwarding.metrics.redirects_given = 6;
  forwarding.metrics.redirects_followed = 7;
  forwarding.bytes.Take(8);
  ASSERT_TRUE(forwarding.sent.Enter().ok());
  const std::string text = PrometheusText({.keyspace = &keyspace_,
                                           .requests = &requests_,
                                           .connections = &connections_,
                                           .inflight = &inflight_,
                                           .tls = &tls_,
                                           .transport = &transport_,
                                           .metrics_port = &metrics_port_,
                                           .forwarding = &forwarding});
  for (const char* line :
       {"larder_forwarded_requests_total{method=\"Set\",code=\"UNKNOWN\"} 1\n",
        "larder_forwarded_request_duration_seconds_bucket{method=\"Set\",le=\"0.005\"} 1\n",
        "larder_forwarded_requests_received_total{method=\"Get\"} 5\n",
        "larder_forwarded_requests_in_flight{direction=\"sent\"} 1\n",
        "larder_forwarded_requests_in_flight{direction=\"received\"} 0\n",
        "larder_forwarded_requests_refused_total{direction=\"sent\"} 0\n",
        "larder_forwarded_bytes 8\n", "larder_redirects_given_total 6\n",
        "larder_redirects_followed_total 7\n", "larder_topology_version 42\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST_F(PrometheusTextTest, HasEveryMetricFromTheStart) {
  const std::string text = Text();
  for (const char* name : {"larder_requests_total",
                           "larder_request_duration_seconds",
                           "larder_requests_in_flight",
                           "larder_hits_total",
                           "larder_misses_total",
                           "larder_stale_hits_total",
                           "larder_evictions_total",
                           "larder_expirations_total",
                           "larder_entries",
                           "larder_memory_bytes",
                           "larder_memory_limit_bytes",
                           "larder_leases_granted_total",
                           "larder_leases_held_total",
                           "larder_leases_lost_total",
                           "larder_leases_outstanding",
                           "larder_connections",
                           "larder_connections_accepted_total",
                           "larder_connections_refused_total",
                           "larder_accept_failures_total",
                           "larder_connection_bytes",
                           "larder_connections_ended_total",
                           "larder_streams_reset_total",
                           "larder_calls_refused_total",
                           "larder_metrics_connections",
                           "larder_metrics_connections_accepted_total",
                           "larder_metrics_connections_ended_total",
                           "larder_metrics_accept_failures_total",
                           "larder_tls_handshakes_total",
                           "larder_tls_handshake_failures_total",
                           "larder_tls_certificate_expiry_seconds",
                           "larder_build_info",
                           "process_cpu_seconds_total",
                           "process_resident_memory_bytes",
                           "process_start_time_seconds"}) {
    EXPECT_THAT(text, HasSubstr("# TYPE " + std::string(name) + " "));
    EXPECT_THAT(text, HasSubstr("# HELP " + std::string(name) + " "));
  }
  EXPECT_THAT(text, HasSubstr("larder_requests_total{method=\"Get\",code=\"OK\"} 0"));
  EXPECT_THAT(text, Not(HasSubstr("method=\"Meet\"")));
}

TEST_F(PrometheusTextTest, ANodeWithoutABusHasNoMetricsOfReplication) {
  EXPECT_THAT(Text(), Not(HasSubstr("larder_replication_")));
}

TEST_F(PrometheusTextTest, APrimaryTellsOfItsReplicas) {
  FakeReplication control;
  replication_ = &control;
  control.status = FakeReplication::Primary();
  EXPECT_THAT(Text(), HasSubstr("larder_replication_failover_loss_bytes +Inf\n"));
  control.status.replicas = {FakeReplication::Follower(2, 990), FakeReplication::Copying(3, 5000)};
  control.status.counts.copied_anew = 4;
  control.status.counts.continued = 5;
  control.status.writers_held = 6;
  control.status.writers_refused = 7;
  control.status.writers_waiting = 8;
  control.status.writers_waiting_bytes = 900;
  control.status.log_held_bytes = 300000;
  const std::string text = Text();
  const std::string labels =
      "{replica=\"replica-2:7600\",node=\"" + FakeReplication::Node(2).ToText() + "\"} ";
  for (const std::string& line : {
           std::string("larder_replication_role{role=\"primary\"} 1"),
           std::string("larder_replication_role{role=\"replica\"} 0"),
           std::string("larder_replication_role{role=\"stopped\"} 0"),
           std::string("larder_replication_term 3"),
           std::string("larder_replication_log_limit_bytes 65536"),
           std::string("larder_replication_log_bytes 57600"),
           std::string("larder_replication_log_held_bytes 300000"),
           std::string("larder_replication_log_oldest_sequence 100"),
           std::string("larder_replication_log_end_sequence 1000"),
           std::string("larder_replication_replicas{copying=\"true\"} 1"),
           std::string("larder_replication_replicas{copying=\"false\"} 1"),
           std::string("larder_replication_replicas_in_time 1"),
           "larder_replication_replica_lag_bytes" + labels + "640",
           "larder_replication_replica_lag_sequences" + labels + "10",
           "larder_replication_replica_lag_seconds" + labels + "1.5",
           "larder_replication_replica_silence_seconds" + labels + "0.04",
           std::string("larder_replication_failover_loss_bytes 640"),
           std::string("larder_replication_resyncs_total{kind=\"partial\"} 5"),
           std::string("larder_replication_resyncs_total{kind=\"full\"} 4"),
           std::string("larder_replication_writers_held_total 6"),
           std::string("larder_replication_writers_refused_total 7"),
           std::string("larder_replication_writers_waiting 8"),
           std::string("larder_replication_writers_waiting_bytes 900"),
       }) {
    EXPECT_THAT(text, HasSubstr("\n" + line + "\n"));
  }
  EXPECT_THAT(text, HasSubstr("larder_replication_replica_copied_bytes{replica=\"\",node=\"" +
                              FakeReplication::Node(3).ToText() + "\"} 5000\n"));
  EXPECT_THAT(text, Not(HasSubstr("larder_replication_source_connected 1")));
}

TEST_F(PrometheusTextTest, ALogThatIsReadWhileItGrowsHoldsNoLessThanNothing) {
  FakeReplication control;
  replication_ = &control;
  control.status = FakeReplication::Primary();
  control.status.log_oldest = control.status.log_end + 5;
  EXPECT_THAT(Text(), HasSubstr("\nlarder_replication_log_bytes 0\n"));
}

TEST_F(PrometheusTextTest, TwoStreamsOfOneReplicaAreOneSeries) {
  FakeReplication control;
  replication_ = &control;
  control.status = FakeReplication::Primary();
  control.status.replicas = {FakeReplication::Copying(2, 5000), FakeReplication::Follower(2, 990),
                             ReplicaReport()};
  const std::string text = Text();
  const std::string series = "\nlarder_replication_replica_copied_bytes{";
  const size_t first = text.find(series);
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(text.find(series, first + 1), std::string::npos);
  EXPECT_THAT(text, HasSubstr("larder_replication_replicas{copying=\"false\"} 1\n"));
}

TEST_F(PrometheusTextTest, AReplicaTellsOfItsSource) {
  FakeReplication control;
  replication_ = &control;
  control.status = FakeReplication::Replica();
  control.status.sink.copies_installed = 2;
  std::string text = Text();
  for (const char* line :
       {"larder_replication_role{role=\"replica\"} 1", "larder_replication_source_connected 1",
        "larder_replication_source_lag_bytes 640", "larder_replication_source_lag_seconds 0.125",
        "larder_replication_staleness_seconds 0.25",
        "larder_replication_copies_installed_total 2"}) {
    EXPECT_THAT(text, HasSubstr("\n" + std::string(line) + "\n"));
  }
  // What it does not know it does not say.
  control.status = {};
  control.status.sink.follows = true;
  text = Text();
  EXPECT_THAT(text, HasSubstr("\nlarder_replication_source_connected 0\n"));
  EXPECT_THAT(text, HasSubstr("\nlarder_replication_log_bytes 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("\nlarder_replication_source_lag_bytes ")));
  EXPECT_THAT(text, Not(HasSubstr("\nlarder_replication_staleness_seconds ")));
}

TEST_F(PrometheusTextTest, CountsWhatTheTransportEnds) {
  EXPECT_THAT(Text(), HasSubstr("larder_connections_ended_total{reason=\"flood\"} 0"));
  transport_.metrics.Count(ConnectionEnd::kFlood);
  transport_.metrics.Count(StreamReset::kDeadline);
  transport_.metrics.CountRefused(absl::StatusCode::kDataLoss);
  const std::string text = Text();
  EXPECT_THAT(text, HasSubstr("larder_connections_ended_total{reason=\"flood\"} 1"));
  EXPECT_THAT(text, HasSubstr("larder_connections_ended_total{reason=\"client\"} 0"));
  EXPECT_THAT(text, HasSubstr("larder_streams_reset_total{reason=\"deadline\"} 1"));
  EXPECT_THAT(text, HasSubstr("larder_calls_refused_total{code=\"INTERNAL\"} 0"));
  EXPECT_THAT(text, HasSubstr("larder_calls_refused_total{code=\"DATA_LOSS\"} 1"));
}

// A socket of some kind.
FileDescriptor AnySocket() {
  return FileDescriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

TEST_F(PrometheusTextTest, OpenConnectionsAreThoseAcceptedAndNotEnded) {
  const FileDescriptor sockets[] = {AnySocket(), AnySocket(), AnySocket()};
  for (const FileDescriptor& socket : sockets) ASSERT_TRUE(connections_.Admit(socket.number()));
  EXPECT_THAT(Text(), HasSubstr("larder_connections 3\n"));
  transport_.metrics.Count(ConnectionEnd::kClient);
  transport_.metrics.Count(ConnectionEnd::kMaxAge);
  const std::string text = Text();
  EXPECT_THAT(text, HasSubstr("larder_connections 1\n"));
  EXPECT_THAT(text, HasSubstr("larder_connections_accepted_total 3\n"));
}

TEST_F(PrometheusTextTest, OpenConnectionsAreLookedAtWhereNobodyTellsOfEnds) {
  transport_.counts_ends = false;
  FileDescriptor sockets[] = {AnySocket(), AnySocket(), AnySocket()};
  for (const FileDescriptor& socket : sockets) ASSERT_TRUE(connections_.Admit(socket.number()));
  EXPECT_THAT(Text(), HasSubstr("larder_connections 3\n"));
  sockets[1].Close();
  EXPECT_THAT(Text(), HasSubstr("larder_connections 2\n"));
}

TEST_F(PrometheusTextTest, CountsTheConnectionsOfItsOwnPort) {
  for (int i = 0; i < 5; ++i) metrics_port_.CountAccepted();
  metrics_port_.Count(HttpEnd::kTimeout);
  metrics_port_.Count(HttpEnd::kEvicted);
  metrics_port_.Count(HttpEnd::kEvicted);
  metrics_port_.CountAcceptFailure();
  const std::string text = Text();
  EXPECT_THAT(text, HasSubstr("larder_metrics_connections 2\n"));
  EXPECT_THAT(text, HasSubstr("larder_metrics_connections_accepted_total 5\n"));
  EXPECT_THAT(text, HasSubstr("larder_metrics_connections_ended_total{reason=\"timeout\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("larder_metrics_connections_ended_total{reason=\"evicted\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("larder_metrics_connections_ended_total{reason=\"client\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("larder_metrics_accept_failures_total 1\n"));
}

TEST_F(PrometheusTextTest, HistogramIsCumulativeInSeconds) {
  requests_.Record(Method::kGet, absl::StatusCode::kOk, absl::Microseconds(15));
  requests_.Record(Method::kGet, absl::StatusCode::kOk, absl::Seconds(20));
  const std::string text = Text();
  const std::string series = "larder_request_duration_seconds_bucket{method=\"Get\",le=\"";
  EXPECT_THAT(text, HasSubstr(series + "1e-05\"} 0"));
  EXPECT_THAT(text, HasSubstr(series + "2e-05\"} 1"));
  EXPECT_THAT(text, HasSubstr(series + "10\"} 1"));
  EXPECT_THAT(text, HasSubstr(series + "+Inf\"} 2"));
  EXPECT_THAT(text, HasSubstr("larder_request_duration_seconds_count{method=\"Get\"} 2"));
}

TEST_F(PrometheusTextTest, CountsWhatTheKeyspaceDoes) {
  ASSERT_TRUE(keyspace_.get()->Set({1, "k"}, "v", {}, storage::TimePoint(storage::Millis(5))).ok());
  const std::string text = Text();
  EXPECT_THAT(text, HasSubstr("larder_entries 1\n"));
  EXPECT_THAT(text, HasSubstr("larder_memory_limit_bytes 1073741824\n"));
  EXPECT_THAT(text, HasSubstr("larder_evictions_total{reason=\"memory\"} 0\n"));
}

}  // namespace
}  // namespace larder::server
