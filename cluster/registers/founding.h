#ifndef LARDER_CLUSTER_REGISTERS_FOUNDING_H_
#define LARDER_CLUSTER_REGISTERS_FOUNDING_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cluster/registers/cluster_id.h"
#include "cluster/registers/shard_register.h"
#include "cluster/registers/slot_map.h"
#include "cluster/registers/voter_list.h"
#include "cluster/replication/node_id.h"

namespace larder::cluster {

// How a cluster begins; all follows from this one decision. Of its members the first ones lead, one
// a shard, and the others follow in turn.
struct Founding {
  struct Founder {
    NodeId node;
    std::string endpoint;
    std::string bus_endpoint;
    std::string zone;
    friend bool operator==(const Founder&, const Founder&) = default;
  };

  ClusterId cluster;
  uint32_t shards = 1;
  std::vector<Founder> founders;  // at least one a shard

  friend bool operator==(const Founding&, const Founding&) = default;
  bool Has(const NodeId& node) const;
  // There is somebody for each shard. All else REQUIRES that.
  bool IsWhole() const { return shards > 0 && founders.size() >= shards; }
  // Of the founder at this place.
  ShardId ShardAt(size_t place) const { return ShardId(static_cast<uint32_t>(place % shards)); }
  ShardRegister FirstRegister(ShardId shard) const;
  VoterList FirstVoters() const;
  SlotMap FirstSlotMap() const { return SlotMap::Even(1, shards); }
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REGISTERS_FOUNDING_H_
