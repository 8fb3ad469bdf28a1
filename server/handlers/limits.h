#ifndef LARDER_SERVER_HANDLERS_LIMITS_H_
#define LARDER_SERVER_HANDLERS_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace larder::server {

// What a handler allows and assumes. Each field is the flag of the same name; ServerConfig checks
// that they fit together.
struct Limits {
  // No encoding adds more to the key and value of one entry or item of an answer.
  static constexpr size_t kEntryOverheadBytes = 96;
  // Entries and slots that one Scan looks at, about half a millisecond: calls beside it wait so
  // long.
  static constexpr size_t kScanVisitsMax = 4096;

  size_t max_key_bytes = size_t{16} << 10;
  size_t max_value_bytes = (size_t{4} << 20) - (size_t{64} << 10);
  size_t max_response_bytes = (size_t{4} << 20) - (size_t{32} << 10);
  size_t max_multi_items = 10000;
  uint32_t max_scan_limit = 1000;
  absl::Duration default_ttl = absl::InfiniteDuration();  // infinite: entries do not expire
  absl::Duration max_ttl = absl::Hours(87600);
  absl::Duration max_serve_stale = absl::Hours(24);
  absl::Duration default_lease_hold = absl::Seconds(10);
  absl::Duration max_lease_hold = absl::Minutes(5);
  absl::Duration lease_retry_after = absl::Milliseconds(25);
  absl::Duration ack_timeout = absl::Seconds(5);
  absl::Duration min_position_timeout = absl::Seconds(1);
  absl::Duration overload_retry_after = absl::Milliseconds(100);
  double early_refresh_beta = 0;
};

inline constexpr double kEarlyRefreshBetaMax = 1000;

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_LIMITS_H_
