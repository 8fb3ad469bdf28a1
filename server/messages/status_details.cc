#include "server/messages/status_details.h"

#include <optional>

#include "larder/v1/error.pb.h"
#include "server/handlers/retry_hint.h"

namespace larder::server {
namespace {

constexpr char kRetryInfoTypeUrl[] = "type.googleapis.com/google.rpc.RetryInfo";

void FillDuration(absl::Duration from, google::protobuf::Duration* to) {
  to->set_seconds(absl::IDivDuration(from, absl::Seconds(1), &from));
  to->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(from)));
}

}  // namespace

std::string StatusDetailsOf(const absl::Status& status) {
  v1::StatusDetails details;
  details.set_code(static_cast<int32_t>(status.code()));
  details.set_message(std::string(status.message()));
  if (const auto retry_after = RetryHintOf(status); retry_after.has_value()) {
    v1::RetryInfo retry;
    FillDuration(*retry_after, retry.mutable_retry_delay());
    google::protobuf::Any* const detail = details.add_details();
    detail->set_type_url(kRetryInfoTypeUrl);
    retry.SerializeToString(detail->mutable_value());
  }
  return details.SerializeAsString();
}

void FillItemError(const absl::Status& status, v1::ItemError* error) {
  error->set_code(static_cast<int32_t>(status.code()));
  error->set_message(std::string(status.message()));
  const std::optional<absl::Duration> retry_after = RetryHintOf(status);
  if (retry_after.has_value()) FillDuration(*retry_after, error->mutable_retry_after());
}

}  // namespace larder::server
