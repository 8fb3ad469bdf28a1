#include "tests/testing/history_load/call_outcome.h"

#include <string_view>

namespace larder::history {

Outcome OutcomeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return Outcome::kOk;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return Outcome::kNotApplied;
    case absl::StatusCode::kUnavailable: {
      // The node's begins "Set: ", the client's own "Set at ADDRESS: ".
      const std::string_view said(status.message().data(), status.message().size());
      const size_t word = said.find_first_of(" :");
      return word != std::string_view::npos && said[word] == ':' ? Outcome::kNotApplied
                                                                 : Outcome::kUnknown;
    }
    default:
      return Outcome::kUnknown;
  }
}

}  // namespace larder::history
