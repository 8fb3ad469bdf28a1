#include "server/handlers/retry_hint.h"

#include <cstdint>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace larder::server {

absl::Status WithRetryHint(absl::Status status, absl::Duration retry_after) {
  // A view: gcc and clang do not agree on the symbol of Cord's constructor from a string.
  const std::string nanoseconds = absl::StrCat(absl::ToInt64Nanoseconds(retry_after));
  status.SetPayload(kRetryHintTypeUrl, absl::Cord(absl::string_view(nanoseconds)));
  return status;
}

std::optional<absl::Duration> RetryHintOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kRetryHintTypeUrl);
  if (!payload.has_value()) return std::nullopt;
  int64_t nanoseconds = 0;
  if (!absl::SimpleAtoi(std::string(*payload), &nanoseconds)) return std::nullopt;
  return absl::Nanoseconds(nanoseconds);
}

}  // namespace larder::server
