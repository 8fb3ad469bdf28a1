#ifndef LARDER_CLUSTER_WIRE_NODE_STATE_H_
#define LARDER_CLUSTER_WIRE_NODE_STATE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cluster/replication/boot_time.h"
#include "cluster/replication/node_id.h"
#include "cluster/replication/replication_state.h"

namespace larder::cluster {

// All that a node keeps in its state file (ordering.md rule 12).
struct NodeState {
  NodeId node;
  DurableReplication replication;
  std::optional<Millis> shard_time_offset;  // from the system's clock
  std::string source;                       // the bus of whom it follows; empty: nobody
  friend bool operator==(const NodeState&, const NodeState&) = default;
};

std::string EncodeNodeState(const NodeState& state);
// INVALID_ARGUMENT names what is wrong.
absl::StatusOr<NodeState> DecodeNodeState(const std::string& bytes);

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_WIRE_NODE_STATE_H_
