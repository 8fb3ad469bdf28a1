#ifndef LARDER_CLIENT_RETRY_POLICY_H_
#define LARDER_CLIENT_RETRY_POLICY_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace larder {

struct RetryOptions {
  int attempts_max = 4;  // the first one included; 1: never retry
  absl::Duration backoff_initial = absl::Milliseconds(20);
  absl::Duration backoff_max = absl::Seconds(1);
};

// What is known of an attempt that failed.
struct AttemptFailure {
  absl::StatusCode code = absl::StatusCode::kUnknown;
  // The node itself sent the status. False: the client's own gRPC library made it up, for instance
  // because the connection broke, and the call may have been applied.
  bool from_server = false;
  // The node's google.rpc.RetryInfo.
  std::optional<absl::Duration> retry_after;
};

// Decides whether and when a failed call is tried again. Pure.
//
//   UNAVAILABLE from the node           not applied: any call
//   UNAVAILABLE of the gRPC library     the answer may have been lost: idempotent calls only
//   UNKNOWN                             the same
//   RESOURCE_EXHAUSTED with RetryInfo   not applied: any call, after at least the time it names
//   anything else                       never
//
// The wait is random in [0, min(backoff_max, backoff_initial * 2^(attempt - 1))] ("full jitter"; M.
// Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), on top of RetryInfo's.
class RetryPolicy {
 public:
  explicit RetryPolicy(RetryOptions options) : options_(options) {}

  struct Context {
    bool idempotent = false;
    int attempts_made = 1;
    absl::Duration remaining;  // until the call's deadline
    double jitter = 0;         // random, uniform in [0, 1)
  };

  // How long to wait before the next attempt. nullopt: give up; also when the wait would outlast
  // the deadline.
  std::optional<absl::Duration> DelayBeforeRetry(const AttemptFailure& failure,
                                                 const Context& context) const;

 private:
  RetryOptions options_;
};

}  // namespace larder

#endif  // LARDER_CLIENT_RETRY_POLICY_H_
