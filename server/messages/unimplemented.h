#ifndef LARDER_SERVER_MESSAGES_UNIMPLEMENTED_H_
#define LARDER_SERVER_MESSAGES_UNIMPLEMENTED_H_

#include <string_view>

#include "absl/status/status.h"
#include "server/metrics/method.h"
#include "server/metrics/request_metrics.h"

namespace larder::server {

// What a node would need for a method that is not implemented. Empty: it is.
std::string_view MissingFor(Method method);

// The answer to a call of such a method, which it counts.
absl::Status UnimplementedStatus(Method method, RequestMetrics& metrics);

}  // namespace larder::server

#endif  // LARDER_SERVER_MESSAGES_UNIMPLEMENTED_H_
