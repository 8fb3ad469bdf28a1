#ifndef LARDER_SERVER_TRANSPORT_READINESS_H_
#define LARDER_SERVER_TRANSPORT_READINESS_H_

#include <atomic>

namespace larder::server {

// Whether the node takes requests: what /readyz and the health service say. Thread-safe.
class Readiness {
 public:
  bool is_ready() const { return ready_.load(std::memory_order_acquire); }
  void Set(bool ready) { ready_.store(ready, std::memory_order_release); }

 private:
  std::atomic<bool> ready_{false};
};

}  // namespace larder::server

#endif  // LARDER_SERVER_TRANSPORT_READINESS_H_
