#include "server/bus/bus_status.h"

#include <grpcpp/support/status.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace larder::server {

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

absl::Status ExplainEnd(const Endpoint& endpoint, const grpc::Status& status, bool was_open) {
  if (status.ok()) return absl::OkStatus();
  const std::string bus = absl::StrCat("the bus at ", endpoint.ToString(), ": ");
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  if (code == absl::StatusCode::kUnimplemented) {
    return {code, absl::StrCat(bus,
                               "what answers there is not a node's bus port (--bus_listen); a "
                               "client port, perhaps: ",
                               status.error_message())};
  }
  if (code == absl::StatusCode::kUnavailable && !was_open) {
    return {code, absl::StrCat(bus, "it cannot be reached, or does not speak ",
                               "the bus's protocol: ", status.error_message())};
  }
  if (code == absl::StatusCode::kResourceExhausted &&
      absl::StrContains(status.error_message(), "larger than max")) {
    return absl::InvalidArgumentError(absl::StrCat(
        bus, status.error_message(), " (is --max_value_bytes lower here than there?)"));
  }
  return {code, absl::StrCat(bus, status.error_message())};
}

std::chrono::system_clock::time_point DeadlineAfter(absl::Duration duration) {
  return std::chrono::system_clock::now() + absl::ToChronoMicroseconds(duration);
}

}  // namespace larder::server
