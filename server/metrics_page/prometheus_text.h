#ifndef LARDER_SERVER_METRICS_PAGE_PROMETHEUS_TEXT_H_
#define LARDER_SERVER_METRICS_PAGE_PROMETHEUS_TEXT_H_

#include <string>

#include "server/connections/connection_table.h"
#include "server/forwarding/forwarding.h"
#include "server/handlers/replication_control.h"
#include "server/handlers/served_keyspace.h"
#include "server/http/http_counters.h"
#include "server/log/log_writer.h"
#include "server/metrics/request_metrics.h"
#include "server/tls/tls_counters.h"
#include "server/transport/inflight_limit.h"
#include "server/transport/transport_state.h"

namespace larder::server {

// What the metrics of a node are read from. All must outlive the collector.
struct MetricSources {
  const ServedKeyspace* keyspace = nullptr;
  const RequestMetrics* requests = nullptr;
  ConnectionTable* connections = nullptr;
  const InflightLimit* inflight = nullptr;
  const TlsCounters* tls = nullptr;
  const TransportState* transport = nullptr;
  const HttpCounters* metrics_port = nullptr;
  const Forwarding* forwarding = nullptr;           // nullptr: nothing is sent on
  const LogWriter* log = nullptr;                   // nullptr: none is written
  const ReplicationControl* replication = nullptr;  // nullptr: the node has no bus
};

// All metrics of the node in Prometheus' text format, read now. Thread-safe.
std::string PrometheusText(const MetricSources& sources);

}  // namespace larder::server

#endif  // LARDER_SERVER_METRICS_PAGE_PROMETHEUS_TEXT_H_
