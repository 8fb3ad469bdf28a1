#include "server/transport/inflight_limit.h"

#include "absl/strings/str_cat.h"
#include "server/handlers/retry_hint.h"

namespace larder::server {

absl::Status InflightLimit::Enter() {
  const uint64_t requests_max = requests_max_.load(std::memory_order_relaxed);
  if (current_.fetch_add(1, std::memory_order_relaxed) < requests_max) return absl::OkStatus();
  Leave();
  return WithRetryHint(
      absl::ResourceExhaustedError(absl::StrCat("the node is overloaded: it serves ", requests_max,
                                                " requests already (--max_inflight)")),
      retry_after_);
}

}  // namespace larder::server
