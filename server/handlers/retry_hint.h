#ifndef LARDER_SERVER_HANDLERS_RETRY_HINT_H_
#define LARDER_SERVER_HANDLERS_RETRY_HINT_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace larder::server {

// The payload of a status that says when to try again: nanoseconds in decimal. A transport turns it
// into google.rpc.RetryInfo or ItemError.retry_after.
inline constexpr char kRetryHintTypeUrl[] = "larder.dev/retry_hint";

absl::Status WithRetryHint(absl::Status status, absl::Duration retry_after);

// Absent: the status carries no hint.
std::optional<absl::Duration> RetryHintOf(const absl::Status& status);

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_RETRY_HINT_H_
