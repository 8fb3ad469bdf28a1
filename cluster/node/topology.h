#ifndef LARDER_CLUSTER_NODE_TOPOLOGY_H_
#define LARDER_CLUSTER_NODE_TOPOLOGY_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/registers/shard_register.h"
#include "cluster/registers/slot_map.h"
#include "cluster/replication/epoch.h"
#include "cluster/replication/node_id.h"

namespace larder::cluster {

// Who serves what, as one node knows it. Immutable; each has a higher version than the one before.
struct Topology {
  struct Node {
    NodeId node;
    std::string endpoint;
    std::string bus_endpoint;
    std::string zone;
    bool is_failed = false;
  };
  struct Shard {
    Epoch epoch;
    Node primary;
    std::vector<Node> replicas;
  };

  uint64_t version = 0;
  std::shared_ptr<const SlotMap> slots;  // never null
  std::map<ShardId, Shard> shards;
  std::optional<ShardId> own_shard;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_TOPOLOGY_H_
