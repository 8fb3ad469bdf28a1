#ifndef LARDER_SERVER_FORWARDING_FORWARDING_H_
#define LARDER_SERVER_FORWARDING_FORWARDING_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "server/forwarding/forwarding_options.h"
#include "server/forwarding/routing_publication.h"
#include "server/metrics/method.h"
#include "server/metrics/request_metrics.h"
#include "server/tls/tls_rotation.h"
#include "server/transport/inflight_limit.h"

namespace larder::server {

// Bytes of forwarded calls, of all I/O threads. Thread-safe.
class ForwardedBytes {
 public:
  explicit ForwardedBytes(size_t bytes_max) : bytes_max_(bytes_max) {}

  // False: there would be more than the bound. True: the caller owes a Return.
  bool Take(size_t bytes) {
    if (used_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= bytes_max_) return true;
    Return(bytes);
    return false;
  }
  void Return(size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

  size_t bytes_max() const { return bytes_max_; }
  size_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  const size_t bytes_max_;
  std::atomic<size_t> used_{0};
};

// What became of calls between nodes. Thread-safe.
struct ForwardingMetrics {
  using Counter = std::atomic<uint64_t>;

  RequestMetrics sent;                       // attempts and redirects of a call are one
  std::array<Counter, kMethods> received{};  // from other nodes, by Method
  Counter redirects_given{0};
  Counter redirects_followed{0};
};

// What the I/O threads of a node share to send calls on to the nodes that own their slots, and to
// serve those that others send on. Thread-safe; outlives the front end.
struct Forwarding {
  // `tls` outlives this; nullptr: nodes speak plaintext to each other.
  explicit Forwarding(const ForwardingOptions& from, const TlsRotation* tls_rotation = nullptr);

  const ForwardingOptions options;
  const TlsRotation* const tls;
  RoutingPublication routing;  // at first all is here
  // Apart from each other and from --max_inflight, so that two nodes which are full of each other's
  // calls still serve their own.
  InflightLimit sent;
  InflightLimit received;
  ForwardedBytes bytes;
  ForwardingMetrics metrics;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_FORWARDING_FORWARDING_H_
