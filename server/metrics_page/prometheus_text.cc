#include "server/metrics_page/prometheus_text.h"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <sstream>
#include <utility>
#include <vector>

#include "server/config/version.h"
#include "server/metrics_page/family.h"
#include "server/metrics_page/process_figures.h"
#include "server/metrics_page/replication_families.h"
#include "server/transport/connection_figures.h"

namespace larder::server {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

class NodeCollector final : public prometheus::Collectable {
 public:
  explicit NodeCollector(const MetricSources& sources) : sources_(sources) {}

  std::vector<MetricFamily> Collect() const override {
    std::vector<MetricFamily> families;
    AddRequests(families);
    if (sources_.forwarding != nullptr) AddForwarding(*sources_.forwarding, families);
    const storage::KeyspaceStats stats = sources_.keyspace->Stats();
    AddKeyspace(stats, families);
    AddLeases(stats, families);
    AddConnections(families);
    AddTls(families);
    AddTransport(families);
    if (sources_.replication != nullptr) AddReplication(sources_.replication->Status(), families);
    AddMetricsPort(families);
    Single(families, MetricType::Counter, "larder_log_lines_lost_total",
           "Log lines that stderr did not take.",
           sources_.log == nullptr ? 0 : static_cast<double>(sources_.log->lost_lines()));
    AddProcess(families);
    return families;
  }

 private:
  void AddRequests(std::vector<MetricFamily>& families) const {
    Family total(MetricType::Counter, "larder_requests_total",
                 "Requests finished, by method and gRPC status code. Each operation of a Pipeline "
                 "counts as its method.");
    Family duration(MetricType::Histogram, "larder_request_duration_seconds",
                    "Time from a request's arrival to its answer, by method.");
    const RequestMetrics::Figures figures = sources_.requests->Read();
    for (size_t i = 0; i < kMethods; ++i) {
      const RequestMetrics::MethodFigures& method = figures[i];
      const std::string name(kMethodNames[i]);
      // Series of the data path are there from the start, so that rates over them are right.
      const bool always = IsCacheMethod(static_cast<Method>(i));
      for (size_t code = 0; code < RequestMetrics::kCodes; ++code) {
        if (method.codes[code] == 0 && !(always && code == 0)) continue;
        total.Add(static_cast<double>(method.codes[code]),
                  {{"method", name}, {"code", std::string(CodeName(code))}});
      }
      if (always || method.count() != 0) duration.Add(method, {{"method", name}});
    }
    families.push_back(total.Take());
    families.push_back(duration.Take());
    Single(families, MetricType::Gauge, "larder_requests_in_flight", "Requests being served.",
           static_cast<double>(sources_.inflight->current()));
  }

  static void AddForwarding(const Forwarding& forwarding, std::vector<MetricFamily>& families) {
    Family sent(MetricType::Counter, "larder_forwarded_requests_total",
                "Requests sent on to the nodes that own their slots, by method and gRPC status "
                "code; of a multi-key request one for each node.");
    Family duration(MetricType::Histogram, "larder_forwarded_request_duration_seconds",
                    "Time from sending a request on to its answer, by method.");
    Family received(MetricType::Counter, "larder_forwarded_requests_received_total",
                    "Requests that other nodes have sent on, by method.");
    const RequestMetrics::Figures figures = forwarding.metrics.sent.Read();
    for (size_t i = 0; i < kMethods; ++i) {
      const RequestMetrics::MethodFigures& method = figures[i];
      const std::string name(kMethodNames[i]);
      for (size_t code = 0; code < RequestMetrics::kCodes; ++code) {
        if (method.codes[code] == 0) continue;
        sent.Add(static_cast<double>(method.codes[code]),
                 {{"method", name}, {"code", std::string(CodeName(code))}});
      }
      if (method.count() != 0) duration.Add(method, {{"method", name}});
      const uint64_t others = forwarding.metrics.received[i];
      if (others != 0) received.Add(static_cast<double>(others), {{"method", name}});
    }
    families.push_back(sent.Take());
    families.push_back(duration.Take());
    families.push_back(received.Take());
    families.push_back(
        Family(MetricType::Gauge, "larder_forwarded_requests_in_flight",
               "Requests that are sent on, and that other nodes have sent on, by direction.")
            .Add(static_cast<double>(forwarding.sent.current()), {{"direction", "sent"}})
            .Add(static_cast<double>(forwarding.received.current()), {{"direction", "received"}})
            .Take());
    families.push_back(
        Family(MetricType::Counter, "larder_forwarded_requests_refused_total",
               "Requests over --max_forwarded and --max_forwarded_received, by direction.")
            .Add(static_cast<double>(forwarding.sent.refused()), {{"direction", "sent"}})
            .Add(static_cast<double>(forwarding.received.refused()), {{"direction", "received"}})
            .Take());
    Single(families, MetricType::Gauge, "larder_forwarded_bytes",
           "Bytes of requests that are sent on, with their answers.",
           static_cast<double>(forwarding.bytes.used()));
    Single(families, MetricType::Counter, "larder_redirects_given_total",
           "Keys for which clients, or other nodes, were told who owns the slot.",
           static_cast<double>(forwarding.metrics.redirects_given));
    Single(families, MetricType::Counter, "larder_redirects_followed_total",
           "Requests sent to a second node since the first one named it.",
           static_cast<double>(forwarding.metrics.redirects_followed));
    Single(families, MetricType::Gauge, "larder_topology_version",
           "The version of the map of slots that the node uses.",
           static_cast<double>(forwarding.routing.Current()->topology_version()));
  }

  void AddKeyspace(const storage::KeyspaceStats& stats, std::vector<MetricFamily>& families) const {
    const storage::MemoryUsage memory = sources_.keyspace->Memory();
    Single(families, MetricType::Counter, "larder_hits_total",
           "Reads that found a live or stale entry.", static_cast<double>(stats.hits));
    Single(families, MetricType::Counter, "larder_misses_total", "Reads that found nothing.",
           static_cast<double>(stats.misses));
    Single(families, MetricType::Counter, "larder_stale_hits_total",
           "Reads that found a stale entry; part of larder_hits_total.",
           static_cast<double>(stats.stale_hits));
    families.push_back(Family(MetricType::Counter, "larder_evictions_total",
                              "Entries removed before their time, by reason.")
                           .Add(static_cast<double>(stats.evictions), {{"reason", "memory"}})
                           .Take());
    Single(families, MetricType::Counter, "larder_expirations_total",
           "Entries removed because their time was over.", static_cast<double>(stats.expirations));
    Single(families, MetricType::Gauge, "larder_entries",
           "Live and stale entries, and expired ones not yet removed.",
           static_cast<double>(stats.entries));
    families.push_back(
        Family(MetricType::Gauge, "larder_memory_bytes", "Memory of the keyspace, by kind.")
            .Add(static_cast<double>(memory.entries), {{"kind", "entries"}})
            .Add(static_cast<double>(memory.tables), {{"kind", "tables"}})
            .Add(static_cast<double>(memory.policy), {{"kind", "policy"}})
            .Add(static_cast<double>(memory.slack), {{"kind", "slack"}})
            .Add(static_cast<double>(memory.leases), {{"kind", "leases"}})
            .Add(static_cast<double>(memory.fixed), {{"kind", "fixed"}})
            .Take());
    Single(families, MetricType::Gauge, "larder_memory_limit_bytes",
           "Memory that the keyspace may use: --memory.",
           static_cast<double>(sources_.keyspace->memory_limit_bytes()));
  }

  static void AddLeases(const storage::KeyspaceStats& stats, std::vector<MetricFamily>& families) {
    families.push_back(
        Family(MetricType::Counter, "larder_leases_granted_total",
               "Leases granted: on a miss or stale value, or early, ahead of expiry.")
            .Add(static_cast<double>(stats.leases_granted), {{"early", "false"}})
            .Add(static_cast<double>(stats.leases_granted_early), {{"early", "true"}})
            .Take());
    Single(families, MetricType::Counter, "larder_leases_held_total",
           "Lease calls told that somebody else recomputes the value.",
           static_cast<double>(stats.leases_held));
    Single(families, MetricType::Counter, "larder_leases_lost_total",
           "Sets refused because their lease token was void.",
           static_cast<double>(stats.leases_lost));
    Single(families, MetricType::Gauge, "larder_leases_outstanding",
           "Leases granted and neither used, void nor over.", static_cast<double>(stats.leases));
  }

  void AddConnections(std::vector<MetricFamily>& families) const {
    const ConnectionFigures figures = ReadConnections(*sources_.connections, *sources_.transport);
    Single(families, MetricType::Gauge, "larder_connections", "Open client connections.",
           static_cast<double>(figures.open));
    Single(families, MetricType::Counter, "larder_connections_accepted_total",
           "Client connections accepted.", static_cast<double>(figures.accepted));
    Single(families, MetricType::Counter, "larder_connections_refused_total",
           "Client connections over --max_connections.", static_cast<double>(figures.refused));
    Single(families, MetricType::Counter, "larder_accept_failures_total",
           "Client connections that could not be accepted, for want of descriptors for instance.",
           static_cast<double>(figures.accept_failures));
    Family ends(MetricType::Counter, "larder_connections_ended_total",
                "Client connections that ended, by reason. With --transport=grpcpp not counted.");
    for (size_t i = 0; i < kConnectionEndNames.size(); ++i) {
      ends.Add(static_cast<double>(figures.ended[i]),
               {{"reason", std::string(kConnectionEndNames[i])}});
    }
    families.push_back(ends.Take());
  }

  void AddTls(std::vector<MetricFamily>& families) const {
    const TlsCounters& tls = *sources_.tls;
    Single(families, MetricType::Counter, "larder_tls_handshakes_total",
           "TLS handshakes completed.", static_cast<double>(tls.handshakes()));
    Family failures(MetricType::Counter, "larder_tls_handshake_failures_total",
                    "TLS handshakes that failed, by reason.");
    for (size_t i = 0; i < kTlsFailureNames.size(); ++i) {
      failures.Add(static_cast<double>(tls.failures(i)),
                   {{"reason", std::string(kTlsFailureNames[i])}});
    }
    families.push_back(failures.Take());
    Single(
        families, MetricType::Gauge, "larder_tls_certificate_expiry_seconds",
        "Until when the certificate in use and those behind it are valid, since the Unix epoch; 0 "
        "without TLS.",
        static_cast<double>(tls.expiry()));
  }

  void AddTransport(std::vector<MetricFamily>& families) const {
    const TransportState& transport = *sources_.transport;
    const TransportMetrics& metrics = transport.metrics;
    families.push_back(
        Family(
            MetricType::Gauge, "larder_connection_bytes",
            "Bytes that connections hold, by kind: requests that have come in part, answers that "
            "are not read. With --transport=grpcpp not counted.")
            .Add(static_cast<double>(transport.incomplete.used_bytes()), {{"kind", "incomplete"}})
            .Add(static_cast<double>(transport.unread.used_bytes()), {{"kind", "unread"}})
            .Take());
    Family resets(MetricType::Counter, "larder_streams_reset_total",
                  "Calls that the node reset, by reason. With --transport=grpcpp not counted.");
    for (size_t i = 0; i < kStreamResetNames.size(); ++i) {
      resets.Add(static_cast<double>(metrics.Read(static_cast<StreamReset>(i))),
                 {{"reason", std::string(kStreamResetNames[i])}});
    }
    Family refused(MetricType::Counter, "larder_calls_refused_total",
                   "Calls that ended before their method had a whole request, by gRPC status code. "
                   "With --transport=grpcpp not counted.");
    for (size_t i = 1; i < RequestMetrics::kCodes; ++i) {
      const uint64_t count = metrics.ReadRefused(static_cast<absl::StatusCode>(i));
      if (count == 0 && !IsRefusalCode(static_cast<absl::StatusCode>(i))) continue;
      refused.Add(static_cast<double>(count), {{"code", std::string(CodeName(i))}});
    }
    families.push_back(resets.Take());
    families.push_back(refused.Take());
  }

  // Those that there are from the start, so that rates over them are right.
  static bool IsRefusalCode(absl::StatusCode code) {
    return code == absl::StatusCode::kResourceExhausted ||
           code == absl::StatusCode::kUnimplemented || code == absl::StatusCode::kInternal ||
           code == absl::StatusCode::kInvalidArgument ||
           code == absl::StatusCode::kDeadlineExceeded;
  }

  void AddMetricsPort(std::vector<MetricFamily>& families) const {
    const HttpCounters& port = *sources_.metrics_port;
    Family ends(MetricType::Counter, "larder_metrics_connections_ended_total",
                "Connections to the metrics port that ended, by reason.");
    uint64_t ended = 0;
    for (size_t i = 0; i < kHttpEndNames.size(); ++i) {
      const uint64_t count = port.Read(static_cast<HttpEnd>(i));
      ended += count;
      ends.Add(static_cast<double>(count), {{"reason", std::string(kHttpEndNames[i])}});
    }
    // Behind the ends, so that none of them is missing.
    const uint64_t accepted = port.accepted();
    Single(families, MetricType::Gauge, "larder_metrics_connections",
           "Open connections to the metrics port.", static_cast<double>(accepted - ended));
    Single(families, MetricType::Counter, "larder_metrics_connections_accepted_total",
           "Connections to the metrics port that were accepted.", static_cast<double>(accepted));
    families.push_back(ends.Take());
    Single(families, MetricType::Counter, "larder_metrics_accept_failures_total",
           "Connections to the metrics port that could not be accepted, for want of descriptors "
           "for instance.",
           static_cast<double>(port.accept_failures()));
  }

  static void AddProcess(std::vector<MetricFamily>& families) {
    const ProcessFigures process = ReadProcessFigures();
    families.push_back(Family(MetricType::Gauge, "larder_build_info",
                              "Always 1; the labels say which release runs.")
                           .Add(1, {{"version", kVersion}})
                           .Take());
    Single(families, MetricType::Counter, "process_cpu_seconds_total",
           "Processor time of the process, user and system.", process.cpu_seconds);
    Single(families, MetricType::Gauge, "process_resident_memory_bytes",
           "Resident memory of the process.", static_cast<double>(process.resident_bytes));
    Single(families, MetricType::Gauge, "process_virtual_memory_bytes",
           "Address space of the process.", static_cast<double>(process.virtual_bytes));
    Single(families, MetricType::Gauge, "process_start_time_seconds",
           "When the process began, since the Unix epoch.", process.start_time_seconds);
    Single(families, MetricType::Gauge, "process_open_fds", "Open file descriptors.",
           static_cast<double>(process.open_descriptors));
    Single(families, MetricType::Gauge, "process_max_fds", "File descriptors that may be open.",
           static_cast<double>(process.open_descriptors_max));
    Single(families, MetricType::Gauge, "process_threads", "Threads of the process.",
           static_cast<double>(process.threads));
  }

  const MetricSources sources_;
};

}  // namespace

std::string PrometheusText(const MetricSources& sources) {
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, NodeCollector(sources).Collect());
  return text.str();
}

}  // namespace larder::server
