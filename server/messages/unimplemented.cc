#include "server/messages/unimplemented.h"

#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace larder::server {
namespace {

// What a node would need for a method that is not implemented. Empty: it is.
std::string_view MissingFor(Method method) {
  switch (method) {
    case Method::kWatch:
      return "a mutation log, which comes with a later release";
    case Method::kSnapshot:
    case Method::kLastSnapshot:
      return "durable storage, which this node does not have";
    case Method::kHotKeys:
      return "the sampling of keys, which comes with a later release";
    case Method::kSlowLog:
      return "the log of slow requests, which comes with a later release";
    case Method::kStatus:
    case Method::kNodes:
    case Method::kSlots:
    case Method::kShards:
    case Method::kMeet:
    case Method::kForget:
    case Method::kReplicate:
    case Method::kFailover:
    case Method::kMigrateSlots:
    case Method::kRebalance:
    case Method::kEvents:
      return "the cluster bus, which this node runs without";
    default:
      return {};
  }
}

}  // namespace

absl::Status UnimplementedStatus(Method method, RequestMetrics& metrics) {
  metrics.Record(method, absl::StatusCode::kUnimplemented, absl::ZeroDuration());
  return absl::UnimplementedError(
      absl::StrCat(std::string(MethodName(method)), " needs ", std::string(MissingFor(method))));
}

}  // namespace larder::server
