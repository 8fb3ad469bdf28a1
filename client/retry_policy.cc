#include "client/retry_policy.h"

#include <algorithm>

namespace larder {
namespace {

bool MayRetry(const AttemptFailure& failure, bool idempotent) {
  switch (failure.code) {
    case absl::StatusCode::kUnavailable:
      return failure.from_server || idempotent;
    case absl::StatusCode::kUnknown:
      return idempotent;
    case absl::StatusCode::kResourceExhausted:
      return failure.retry_after.has_value();
    default:
      return false;
  }
}

}  // namespace

std::optional<absl::Duration> RetryPolicy::DelayBeforeRetry(const AttemptFailure& failure,
                                                            const Context& context) const {
  if (context.attempts_made >= options_.attempts_max || !MayRetry(failure, context.idempotent)) {
    return std::nullopt;
  }
  absl::Duration ceiling = options_.backoff_initial;
  for (int i = 1; i < context.attempts_made && ceiling < options_.backoff_max; ++i) ceiling *= 2;
  ceiling = std::min(ceiling, options_.backoff_max);
  const absl::Duration delay =
      failure.retry_after.value_or(absl::ZeroDuration()) + ceiling * context.jitter;
  if (delay >= context.remaining) return std::nullopt;
  return delay;
}

}  // namespace larder
