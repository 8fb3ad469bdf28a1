#ifndef LARDER_SERVER_TLS_TLS_COUNTERS_H_
#define LARDER_SERVER_TLS_TLS_COUNTERS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace larder::server {

// Why a handshake failed.
enum class TlsFailure : uint8_t {
  kNotTls,                 // the client spoke something else, plaintext most likely
  kProtocolVersion,        // older than TLS 1.2
  kNoApplicationProtocol,  // ALPN without h2, or none
  kNoClientCertificate,
  kBadClientCertificate,  // of another CA, expired, not for clients
  kClientAlert,           // the client refused; most often it does not trust the certificate
  kDisconnected,
  kTimeout,
  kOther,
};

inline constexpr std::array<std::string_view, 9> kTlsFailureNames = {
    "not_tls",
    "protocol_version",
    "no_application_protocol",
    "no_client_certificate",
    "bad_client_certificate",
    "client_alert",
    "disconnected",
    "timeout",
    "other",
};

// What became of handshakes, and until when the certificate in use is valid. Thread-safe.
class TlsCounters {
 public:
  void CountHandshake() { handshakes_.fetch_add(1, std::memory_order_relaxed); }
  void CountFailure(TlsFailure failure) {
    failures_[static_cast<size_t>(failure)].fetch_add(1, std::memory_order_relaxed);
  }
  void SetExpiry(int64_t unix_seconds) { expiry_.store(unix_seconds, std::memory_order_relaxed); }

  uint64_t handshakes() const { return handshakes_.load(std::memory_order_relaxed); }
  uint64_t failures(size_t index) const { return failures_[index].load(std::memory_order_relaxed); }
  uint64_t failures(TlsFailure failure) const { return failures(static_cast<size_t>(failure)); }
  // Seconds since the Unix epoch; 0: there is no certificate.
  int64_t expiry() const { return expiry_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> handshakes_{0};
  std::array<std::atomic<uint64_t>, kTlsFailureNames.size()> failures_{};
  std::atomic<int64_t> expiry_{0};
};

}  // namespace larder::server

#endif  // LARDER_SERVER_TLS_TLS_COUNTERS_H_
