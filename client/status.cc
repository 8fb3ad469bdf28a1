#include "client/status.h"

#include <algorithm>

#include "absl/strings/cord.h"
#include "client/client.h"
#include "client/proto_time.h"
#include "larder/v1/error.pb.h"

namespace larder {
namespace {

constexpr char kRetryInfoType[] = "type.googleapis.com/google.rpc.RetryInfo";

absl::StatusCode CodeOf(int code) {
  if (code < 1 || code > 16) return absl::StatusCode::kUnknown;
  return static_cast<absl::StatusCode>(code);
}

void AttachRetryAfter(absl::Duration delay, absl::Status& status) {
  v1::RetryInfo info;
  *info.mutable_retry_delay() = ToProto(delay);
  const std::string bytes = info.SerializeAsString();
  // Not Cord(std::string): clang 19 mangles that constructor otherwise than the g++ that built
  // absl.
  status.SetPayload(kRetryInfoType, absl::Cord(absl::string_view(bytes)));
}

std::optional<absl::Duration> ReadRetryInfo(const std::string& bytes) {
  v1::RetryInfo info;
  if (!info.ParseFromString(bytes)) return std::nullopt;
  return std::max(FromProto(info.retry_delay()), absl::ZeroDuration());
}

}  // namespace

RpcError InterpretRpcStatus(const RpcStatus& rpc) {
  RpcError error;
  error.failure.code = CodeOf(rpc.code);
  error.status = absl::Status(error.failure.code, rpc.message);
  v1::StatusDetails details;
  if (rpc.details.empty() || !details.ParseFromString(rpc.details) || details.code() != rpc.code) {
    return error;
  }
  error.failure.from_server = true;
  for (const auto& detail : details.details()) {
    if (detail.type_url() != kRetryInfoType) continue;
    error.failure.retry_after = ReadRetryInfo(detail.value());
    if (error.failure.retry_after) AttachRetryAfter(*error.failure.retry_after, error.status);
  }
  return error;
}

absl::Status ItemStatus(int code, std::string_view message,
                        const std::optional<absl::Duration>& retry_after) {
  absl::Status status(CodeOf(code), absl::string_view(message.data(), message.size()));
  if (retry_after) AttachRetryAfter(*retry_after, status);
  return status;
}

std::optional<absl::Duration> RetryAfter(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kRetryInfoType);
  if (!payload) return std::nullopt;
  return ReadRetryInfo(std::string(*payload));
}

}  // namespace larder
