#ifndef LARDER_CLUSTER_REGISTERS_SHARD_REGISTER_H_
#define LARDER_CLUSTER_REGISTERS_SHARD_REGISTER_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cluster/replication/epoch.h"
#include "cluster/replication/node_id.h"

namespace larder::cluster {

// A shard's number, for as long as the cluster lives.
enum class ShardId : uint32_t {};

// What the voters agree on for one shard: who leads it, and who must be asked before anybody else
// does (ordering.md rules 6, 10).
struct ShardRegister {
  uint64_t version = 0;      // rises by one with every change; 0: nothing was ever agreed on
  Epoch epoch;               // the node in it is the primary
  std::vector<NodeId> able;  // sorted; never the primary

  friend bool operator==(const ShardRegister&, const ShardRegister&) = default;
  const NodeId& primary() const { return epoch.node; }
  bool IsAble(const NodeId& node) const {
    return std::binary_search(able.begin(), able.end(), node);
  }
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REGISTERS_SHARD_REGISTER_H_
