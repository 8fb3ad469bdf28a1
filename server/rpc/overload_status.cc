#include "server/rpc/overload_status.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/handlers/retry_hint.h"

namespace larder::server {
namespace {

constexpr absl::Duration kRetryAfter = absl::Milliseconds(100);

absl::Status Overload(const char* what, size_t limit, const char* flag) {
  return WithRetryHint(absl::ResourceExhaustedError(absl::StrCat(what, limit, flag)), kRetryAfter);
}

}  // namespace

absl::Status IncompleteOnConnectionStatus(size_t bytes_max) {
  return Overload("the incomplete requests of this connection have more than ", bytes_max,
                  " bytes (--max_incomplete_bytes)");
}

absl::Status IncompleteOnNodeStatus(size_t bytes_max) {
  return Overload("the incomplete requests of all connections have as many bytes as they may: ",
                  bytes_max, " (--max_total_incomplete_bytes)");
}

absl::Status UnreadOnConnectionStatus(size_t bytes_max) {
  return Overload("answers of more than ", bytes_max,
                  " bytes wait for this client to read them (--max_unread_bytes)");
}

absl::Status UnreadOnNodeStatus(size_t bytes_max) {
  return Overload(
      "the answers that wait for all clients to read them have as many bytes as they may: ",
      bytes_max, " (--max_total_unread_bytes)");
}

}  // namespace larder::server
