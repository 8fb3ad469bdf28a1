#ifndef LARDER_SERVER_HANDLERS_REPLICATION_CONTROL_H_
#define LARDER_SERVER_HANDLERS_REPLICATION_CONTROL_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "server/handlers/replication_status.h"

namespace larder::server {

// What operators may do to the replication of a node, and see of it. Thread-safe; called on threads
// that serve requests, so neither function waits for another node, for a disk or for long.
class ReplicationControl {
 public:
  virtual ~ReplicationControl() = default;

  // Follows the node whose bus is at HOST:PORT; absent: nobody, and leads. `done` is called once,
  // or dropped, on any thread and also before this returns. FAILED_PRECONDITION: there is nothing
  // to lead with.
  virtual void ReplicaOf(std::optional<std::string> bus_endpoint,
                         std::function<void(const absl::Status&)> done) = 0;

  // As it was a moment ago.
  virtual ReplicationStatus Status() const = 0;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_REPLICATION_CONTROL_H_
