#ifndef LARDER_SERVER_HTTP_HTTP_COUNTERS_H_
#define LARDER_SERVER_HTTP_HTTP_COUNTERS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace larder::server {

// Why a connection to an HttpServer ended.
enum class HttpEnd : uint8_t {
  kClient,    // closed it, or it broke
  kAnswered,  // the client had asked for one answer, or was refused
  kTimeout,   // --metrics_timeout
  kEvicted,   // made room: --metrics_max_connections
  kShutdown,  // the node ends
};
inline constexpr std::array<std::string_view, 5> kHttpEndNames = {"client", "answered", "timeout",
                                                                  "evicted", "shutdown"};

// What has become of an HttpServer's connections. Thread-safe.
class HttpCounters {
 public:
  void CountAccepted() { Add(accepted_); }
  void CountAcceptFailure() { Add(accept_failures_); }
  void Count(HttpEnd end) { Add(ends_[static_cast<size_t>(end)]); }

  uint64_t accepted() const { return accepted_.load(std::memory_order_acquire); }
  uint64_t accept_failures() const { return accept_failures_.load(std::memory_order_acquire); }
  uint64_t Read(HttpEnd end) const {
    return ends_[static_cast<size_t>(end)].load(std::memory_order_acquire);
  }

 private:
  // Released, so that who reads an end reads its accept behind it.
  static void Add(std::atomic<uint64_t>& counter) {
    counter.fetch_add(1, std::memory_order_release);
  }

  std::atomic<uint64_t> accepted_{0};
  std::atomic<uint64_t> accept_failures_{0};
  std::array<std::atomic<uint64_t>, kHttpEndNames.size()> ends_{};
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HTTP_HTTP_COUNTERS_H_
