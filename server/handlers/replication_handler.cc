#include "server/handlers/replication_handler.h"

#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "server/handlers/request_checks.h"

namespace larder::server {
namespace {

absl::Status Named(const char* operation, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(operation, ": ", status.message()));
}

absl::Status WithoutControl(const char* operation, bool has_bus) {
  if (has_bus) {
    return absl::UnavailableError(
        absl::StrCat(operation, ": this node starts its bus to other nodes; try again"));
  }
  return absl::FailedPreconditionError(absl::StrCat(
      operation, ": this node runs without a bus to other nodes: start it with --bus_listen"));
}

}  // namespace

void ReplicationHandler::ReplicaOf(const ReplicaOfView& request, Reply<ReplicaOfAnswer>& reply) {
  if (control() == nullptr) return reply.Fail(WithoutControl("ReplicaOf", parts_.has_bus));
  std::optional<std::string> bus;
  if (!request.endpoint.empty()) {
    if (const auto status = CheckEndpoint("ReplicaOf", "endpoint", request.endpoint);
        !status.ok()) {
      return reply.Fail(status);
    }
    absl::StatusOr<std::string> found = parts_.bus_of(request.endpoint);
    if (!found.ok()) {
      return reply.Fail(Named("ReplicaOf: endpoint", found.status()));
    }
    bus = *std::move(found);
  }
  const std::string whom = bus.has_value() ? std::string(request.endpoint) : "nobody";
  const auto open = std::make_shared<OpenReply<Reply<ReplicaOfAnswer>>>(reply);
  control()->ReplicaOf(std::move(bus),
                       [open, tell = parts_.on_intervention,
                        line = absl::StrCat("ReplicaOf ", whom, "; asked for by ", request.peer)](
                           const absl::Status& status) {
                         if (!status.ok()) return open->Take().Fail(Named("ReplicaOf", status));
                         if (tell) tell(line);
                         open->Take().Complete({});
                       });
}

void ReplicationHandler::Replication(Reply<ReplicationAnswer>& reply) {
  if (control() == nullptr) return reply.Fail(WithoutControl("Replication", parts_.has_bus));
  reply.Complete(control()->Status());
}

}  // namespace larder::server
