#include "server/inflight_limit.h"

#include "absl/strings/str_cat.h"
#include "server/handlers/retry_hint.h"

namespace larder::server {

absl::Status InflightLimit::Enter() {
  if (current_.fetch_add(1, std::memory_order_relaxed) < requests_max_) return absl::OkStatus();
  Leave();
  return WithRetryHint(
      absl::ResourceExhaustedError(absl::StrCat("the node is overloaded: it serves ", requests_max_,
                                                " requests already (--max_inflight)")),
      retry_after_);
}

}  // namespace larder::server
