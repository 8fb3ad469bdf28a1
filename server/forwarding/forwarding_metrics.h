#ifndef LARDER_SERVER_FORWARDING_FORWARDING_METRICS_H_
#define LARDER_SERVER_FORWARDING_FORWARDING_METRICS_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "server/metrics/method.h"
#include "server/metrics/request_metrics.h"

namespace larder::server {

// What became of calls between nodes. Thread-safe.
struct ForwardingMetrics {
  using Counter = std::atomic<uint64_t>;

  RequestMetrics sent;                       // attempts and redirects of a call are one
  std::array<Counter, kMethods> received{};  // from other nodes, by Method
  Counter redirects_given{0};
  Counter redirects_followed{0};
};

}  // namespace larder::server

#endif  // LARDER_SERVER_FORWARDING_FORWARDING_METRICS_H_
