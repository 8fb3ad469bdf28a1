#ifndef LARDER_SERVER_NODE_NODE_REPLICATION_H_
#define LARDER_SERVER_NODE_NODE_REPLICATION_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/config/server_config.h"
#include "server/connections/endpoint.h"
#include "server/handlers/held_writes.h"
#include "server/handlers/replica_acks.h"
#include "server/handlers/replicated_data.h"
#include "server/handlers/replication_control.h"
#include "server/handlers/served_keyspace.h"
#include "server/replication/node_authority.h"
#include "server/replication/replicator.h"
#include "server/upkeep/shard_clock.h"
#include "storage/hybrid_clock.h"

namespace larder::server {

// What the replication of a node works with. All outlive it.
struct NodeReplicationParts {
  Endpoint client;  // where clients reach the node, as others are told
  std::string cluster_secret;
  storage::KeyspaceOptions keyspace;
  ServedKeyspace* served = nullptr;
  storage::HybridClock* versions = nullptr;
  ShardClock* clock = nullptr;
  NodeAuthority* authority = nullptr;
  ReplicaAcks* acks = nullptr;
  HeldWrites* held_writes = nullptr;
  ReplicatedData* replicated = nullptr;
  std::function<void(const Leader&)> on_leader;
  std::function<void(std::unique_ptr<storage::Keyspace>)> retire;
  ReplicationListener on_notice;  // on any thread; may be empty
};

// The bus of one node, with the Replicator behind it and the state file.
class NodeReplication {
 public:
  // UNAVAILABLE: cannot listen on --bus_listen. FAILED_PRECONDITION, DATA_LOSS: a file is not what
  // it should be. The message names the flag.
  static absl::StatusOr<std::unique_ptr<NodeReplication>> Start(const ServerConfig& config,
                                                                NodeReplicationParts parts);
  virtual ~NodeReplication() = default;

  virtual const Endpoint& bus_endpoint() const = 0;
  virtual ReplicationControl& control() = 0;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_NODE_NODE_REPLICATION_H_
