#ifndef LARDER_SERVER_BUS_BUS_STATUS_H_
#define LARDER_SERVER_BUS_BUS_STATUS_H_

#include <chrono>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/connections/endpoint.h"

namespace grpc {
class Status;
}

namespace larder::server {

inline constexpr char kBusShutdown[] = "the node is shutting down";

grpc::Status ToGrpc(const absl::Status& status);

// How a stream to the bus at `endpoint` has ended, for people: says what is likely to be wrong
// where gRPC's own words do not. `was_open`: the source had taken the stream. INVALID_ARGUMENT, as
// for what cannot be decoded: a message was longer than is taken here.
absl::Status ExplainEnd(const Endpoint& endpoint, const grpc::Status& status, bool was_open);

// As gRPC wants it.
std::chrono::system_clock::time_point DeadlineAfter(absl::Duration duration);

}  // namespace larder::server

#endif  // LARDER_SERVER_BUS_BUS_STATUS_H_
