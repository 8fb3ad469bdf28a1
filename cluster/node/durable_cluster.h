#ifndef LARDER_CLUSTER_NODE_DURABLE_CLUSTER_H_
#define LARDER_CLUSTER_NODE_DURABLE_CLUSTER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "cluster/members/cluster_table.h"
#include "cluster/members/member.h"
#include "cluster/registers/cluster_id.h"
#include "cluster/registers/register_acceptor.h"
#include "cluster/registers/slot_map.h"
#include "cluster/registers/voter_list.h"

namespace larder::cluster {

// What a node keeps of its cluster on disk, beside what DurableReplication has of its data
// (ordering.md rule 12).
struct DurableCluster {
  ClusterId cluster;
  Member self;
  // What it has promised and accepted as a voter, and of which list: that one it may act under.
  RegisterAcceptor::States registers;
  uint64_t acts_under = 0;
  // What it knows, so that a cluster that starts again as a whole finds itself.
  std::vector<Member> members;
  std::map<ShardId, ClusterTable::Shard> shards;
  VoterList voters;
  std::shared_ptr<const SlotMap> slot_map;  // null: none
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_DURABLE_CLUSTER_H_
