#ifndef LARDER_SERVER_UPKEEP_INCIDENT_REPORT_H_
#define LARDER_SERVER_UPKEEP_INCIDENT_REPORT_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "server/connections/connection_table.h"
#include "server/handlers/cache_handler.h"
#include "server/tls/tls_counters.h"
#include "server/transport/inflight_limit.h"
#include "server/transport/transport_state.h"

namespace larder::server {

// Told of one incident, or of many of a kind, in a line.
using IncidentListener = std::function<void(const std::string&)>;

// Where incidents are counted. All outlive the report.
struct IncidentSources {
  const CacheHandler* cache;
  const InflightLimit* inflight;
  const ConnectionTable* connections;
  const TlsCounters* tls;
  const TransportMetrics* transport;
};

// Says what whoever runs the node should know, from the differences of counters, so that nothing is
// logged where it happens: a line for each kind of incident when it begins, and then one for each
// kPeriod in which there were more. Not thread-safe.
class IncidentReport {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kPeriod{10};

  // What has been counted by `now` is not told. The listener may be empty.
  IncidentReport(const IncidentSources& sources, IncidentListener listener, Time now);

  // To be called about once a second.
  void Look(Time now);

 private:
  struct Kind {
    std::string text;  // behind the number
    std::function<uint64_t()> read;
    uint64_t told = 0;
    Time quiet_at;      // until when all is told
    Time next_line_at;  // not before
  };

  const IncidentListener listener_;
  std::vector<Kind> kinds_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_UPKEEP_INCIDENT_REPORT_H_
