#ifndef LARDER_SERVER_NODE_NODE_H_
#define LARDER_SERVER_NODE_NODE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "server/config/server_config.h"
#include "server/connections/endpoint.h"
#include "server/forwarding/routing_publication.h"
#include "server/log/log_writer.h"
#include "server/replication/replication_journal.h"
#include "server/tls/tls_rotation.h"
#include "server/upkeep/incident_report.h"
#include "server/upkeep/runtime_config.h"

namespace larder::server {

// Whom a node tells what happens to it, and what it tells of in turn. May all be empty; what is
// pointed to outlives the node.
struct NodeSurroundings {
  ConfigListener on_change;  // of every flag that SetConfig changes, on the front end's threads
  TlsListener on_tls;        // on the thread of Start and on the housekeeper's
  // Of what was done to the whole node, and who asked; on any thread.
  std::function<void(const std::string&)> on_intervention;
  IncidentListener on_incident;        // on the housekeeper's thread
  ReplicationListener on_replication;  // on the thread of Start and on the replicator's
  const LogWriter* log = nullptr;      // for its metrics
};

// One running node: keyspace, handlers, client port, metrics port, housekeeping.
// Start, Drain and the destructor belong to one thread.
class Node {
 public:
  // UNAVAILABLE: a port cannot be had. INVALID_ARGUMENT: the keyspace refuses its options.
  // FAILED_PRECONDITION: a file of config.tls is not what it should be.
  static absl::StatusOr<std::unique_ptr<Node>> Start(const ServerConfig& config,
                                                     NodeSurroundings surroundings = {});
  ~Node();

  const Endpoint& client_endpoint() const;
  std::optional<Endpoint> metrics_endpoint() const;  // absent: there is none
  std::optional<Endpoint> bus_endpoint() const;      // likewise

  // Who owns which slot; at first this node all. What is published is used by calls that begin from
  // then on; on any thread.
  RoutingPublication& routing();

  // Reads again what can be read again, which is certificates; returns what came of it, as one
  // line. On any thread.
  TlsNotice Reload();

  // Says that it is not ready, so that balancers send nobody new, and serves on. Drain comes next.
  void BeginShutdown();
  // Says that it is not ready, accepts no more, lets requests finish for up to --drain_timeout.
  void Drain();

 private:
  class Parts;
  explicit Node(std::unique_ptr<Parts> parts);
  const std::unique_ptr<Parts> parts_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_NODE_NODE_H_
