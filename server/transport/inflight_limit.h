#ifndef LARDER_SERVER_TRANSPORT_INFLIGHT_LIMIT_H_
#define LARDER_SERVER_TRANSPORT_INFLIGHT_LIMIT_H_

#include <atomic>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace larder::server {

// Bounds the requests that are being served: --max_inflight. Thread-safe. After a lower bound was
// set, those that are served go on, and none begins until there are fewer.
class InflightLimit {
 public:
  InflightLimit(uint64_t requests_max, absl::Duration retry_after)
      : requests_max_(requests_max), retry_after_(retry_after) {}

  // OK: the caller owes a Leave. RESOURCE_EXHAUSTED with a retry hint: there are requests_max.
  absl::Status Enter();
  void Leave() { current_.fetch_sub(1, std::memory_order_relaxed); }

  void SetRequestsMax(uint64_t requests_max) {
    requests_max_.store(requests_max, std::memory_order_relaxed);
  }

  uint64_t current() const { return current_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> requests_max_;
  const absl::Duration retry_after_;
  std::atomic<uint64_t> current_{0};
};

}  // namespace larder::server

#endif  // LARDER_SERVER_TRANSPORT_INFLIGHT_LIMIT_H_
