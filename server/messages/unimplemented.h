#ifndef LARDER_SERVER_MESSAGES_UNIMPLEMENTED_H_
#define LARDER_SERVER_MESSAGES_UNIMPLEMENTED_H_

#include "absl/status/status.h"
#include "server/metrics/method.h"
#include "server/metrics/request_metrics.h"

namespace larder::server {

// The answer to a call of a method that is not implemented: what it needs. Counts the call.
absl::Status UnimplementedStatus(Method method, RequestMetrics& metrics);

}  // namespace larder::server

#endif  // LARDER_SERVER_MESSAGES_UNIMPLEMENTED_H_
