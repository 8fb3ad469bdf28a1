#ifndef LARDER_SERVER_HANDLERS_REPLICATION_HANDLER_H_
#define LARDER_SERVER_HANDLERS_REPLICATION_HANDLER_H_

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/handlers/replication_control.h"
#include "server/handlers/reply.h"
#include "server/handlers/request_views.h"

namespace larder::server {

struct ReplicaOfAnswer {};

using ReplicationAnswer = ReplicationStatus;

// What the methods work with. All must outlive them.
struct ReplicationParts {
  ReplicationControl* control = nullptr;  // nullptr: there is none, or SetControl brings it
  bool has_bus = false;                   // it does
  // The bus of the node at an address that a person typed. INVALID_ARGUMENT: it is none; the
  // message says why, and does not repeat it.
  std::function<absl::StatusOr<std::string>(std::string_view)> bus_of = {};
  // As MaintenanceParts has it.
  std::function<void(const std::string&)> on_intervention = {};
};

// The methods of the Cluster service that are about replication. Thread-safe.
class ReplicationHandler {
 public:
  explicit ReplicationHandler(ReplicationParts parts)
      : parts_(std::move(parts)), control_(parts_.control) {}

  // May answer later.
  void ReplicaOf(const ReplicaOfView& request, Reply<ReplicaOfAnswer>& reply);
  void Replication(Reply<ReplicationAnswer>& reply);

  // A node that has a bus gets it behind its client port. `control` outlives the handler.
  void SetControl(ReplicationControl* control) {
    control_.store(control, std::memory_order_release);
  }
  // Nullptr: the node runs without a bus, or has not started it.
  ReplicationControl* control() const { return control_.load(std::memory_order_acquire); }

 private:
  const ReplicationParts parts_;
  std::atomic<ReplicationControl*> control_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_REPLICATION_HANDLER_H_
