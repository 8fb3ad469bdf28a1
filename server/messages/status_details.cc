#include "server/messages/status_details.h"

#include <optional>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"
#include "larder/v1/error.pb.h"
#include "server/handlers/retry_hint.h"
#include "server/messages/redirect.h"

namespace larder::server {
namespace {

constexpr char kRetryInfoTypeUrl[] = "type.googleapis.com/google.rpc.RetryInfo";
constexpr char kRedirectTypeUrl[] = "type.googleapis.com/larder.v1.Redirect";

// The payload of a status with the details of another node's answer, as they came.
constexpr char kPassedOnTypeUrl[] = "larder.dev/passed_on_details";

void FillDuration(absl::Duration from, google::protobuf::Duration* to) {
  to->set_seconds(absl::IDivDuration(from, absl::Seconds(1), &from));
  to->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(from)));
}

void AddDetail(const char* type_url, const google::protobuf::MessageLite& message,
               v1::StatusDetails& details) {
  google::protobuf::Any* const detail = details.add_details();
  detail->set_type_url(type_url);
  message.SerializeToString(detail->mutable_value());
}

}  // namespace

std::string StatusDetailsOf(const absl::Status& status) {
  if (const auto passed_on = status.GetPayload(kPassedOnTypeUrl); passed_on.has_value()) {
    return std::string(*passed_on);
  }
  v1::StatusDetails details;
  details.set_code(static_cast<int32_t>(status.code()));
  details.set_message(std::string(status.message()));
  if (const auto retry_after = RetryHintOf(status); retry_after.has_value()) {
    v1::RetryInfo retry;
    FillDuration(*retry_after, retry.mutable_retry_delay());
    AddDetail(kRetryInfoTypeUrl, retry, details);
  }
  if (const auto redirect = RedirectOf(status); redirect.has_value()) {
    v1::Redirect message;
    FillRedirect(*redirect, &message);
    AddDetail(kRedirectTypeUrl, message, details);
  }
  return details.SerializeAsString();
}

absl::Status StatusOfAnswer(int code, const std::string& message, const std::string& details) {
  absl::Status status(static_cast<absl::StatusCode>(code), message);
  if (status.ok()) return status;
  v1::StatusDetails parsed;
  if (!parsed.ParseFromString(details)) return status;
  for (const google::protobuf::Any& detail : parsed.details()) {
    v1::RetryInfo retry;
    v1::Redirect redirect;
    if (detail.type_url() == kRetryInfoTypeUrl && retry.ParseFromString(detail.value())) {
      status = WithRetryHint(std::move(status), absl::Seconds(retry.retry_delay().seconds()) +
                                                    absl::Nanoseconds(retry.retry_delay().nanos()));
    } else if (detail.type_url() == kRedirectTypeUrl && redirect.ParseFromString(detail.value())) {
      status = WithRedirect(std::move(status), RedirectOf(redirect));
    }
  }
  // A view: see retry_hint.cc.
  status.SetPayload(kPassedOnTypeUrl, absl::Cord(absl::string_view(details)));
  return status;
}

void FillItemError(const absl::Status& status, v1::ItemError* error) {
  error->set_code(static_cast<int32_t>(status.code()));
  error->set_message(std::string(status.message()));
  const std::optional<absl::Duration> retry_after = RetryHintOf(status);
  if (retry_after.has_value()) FillDuration(*retry_after, error->mutable_retry_after());
  if (const auto redirect = RedirectOf(status); redirect.has_value()) {
    FillRedirect(*redirect, error->mutable_redirect());
  }
}

}  // namespace larder::server
