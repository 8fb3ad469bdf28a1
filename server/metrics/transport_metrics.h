#ifndef LARDER_SERVER_METRICS_TRANSPORT_METRICS_H_
#define LARDER_SERVER_METRICS_TRANSPORT_METRICS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "server/metrics/request_metrics.h"

namespace larder::server {

// Why a connection ended.
enum class ConnectionEnd : uint8_t {
  kClient,            // closed it, or it broke
  kDrain,             // the node shuts down
  kMaxAge,            // --max_connection_age, with its last call
  kMaxAgeGrace,       // --max_connection_age_grace
  kHandshakeTimeout,  // --handshake_timeout
  kKeepaliveTimeout,  // --keepalive_timeout
  kUnreadTimeout,     // --unread_timeout
  kMemory,            // held much of --max_total_incomplete_bytes or --max_total_unread_bytes
  kProtocolError,     // what came is no HTTP/2
  kFlood,             // too many frames that bring nothing
};
inline constexpr std::array<std::string_view, 10> kConnectionEndNames = {"client",
                                                                         "drain",
                                                                         "max_age",
                                                                         "max_age_grace",
                                                                         "handshake_timeout",
                                                                         "keepalive_timeout",
                                                                         "unread_timeout",
                                                                         "memory",
                                                                         "protocol_error",
                                                                         "flood"};

// Why the node reset a stream.
enum class StreamReset : uint8_t {
  kMaxStreams,     // --max_streams
  kGoaway,         // opened after the connection was told not to
  kProtocolError,  // its frames or fields break the rules of HTTP/2
  kUnreadTimeout,  // --unread_timeout
  kDeadline,       // of its call, while an answer waited to be read
};
inline constexpr std::array<std::string_view, 5> kStreamResetNames = {
    "max_streams", "goaway", "protocol_error", "unread_timeout", "deadline"};

// What a transport ends or refuses before a method sees it. Thread-safe.
class TransportMetrics {
 public:
  template <size_t kSize>
  using Counters = std::array<std::atomic<uint64_t>, kSize>;

  void Count(ConnectionEnd end) { Add(connection_ends_[static_cast<size_t>(end)]); }
  void Count(StreamReset reset) { Add(stream_resets_[static_cast<size_t>(reset)]); }
  // A call that was finished without a method.
  void CountRefused(absl::StatusCode code) { Add(refused_calls_[static_cast<size_t>(code)]); }

  uint64_t Read(ConnectionEnd end) const {
    return connection_ends_[static_cast<size_t>(end)].load(std::memory_order_acquire);
  }
  uint64_t Read(StreamReset reset) const { return stream_resets_[static_cast<size_t>(reset)]; }
  uint64_t ReadRefused(absl::StatusCode code) const {
    return refused_calls_[static_cast<size_t>(code)];
  }

 private:
  // Released, so that who reads the end of a connection reads its accept behind it.
  static void Add(std::atomic<uint64_t>& counter) {
    counter.fetch_add(1, std::memory_order_release);
  }

  Counters<kConnectionEndNames.size()> connection_ends_{};
  Counters<kStreamResetNames.size()> stream_resets_{};
  Counters<RequestMetrics::kCodes> refused_calls_{};
};

}  // namespace larder::server

#endif  // LARDER_SERVER_METRICS_TRANSPORT_METRICS_H_
