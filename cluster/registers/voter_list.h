#ifndef LARDER_CLUSTER_REGISTERS_VOTER_LIST_H_
#define LARDER_CLUSTER_REGISTERS_VOTER_LIST_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cluster/registers/shard_register.h"
#include "cluster/replication/epoch.h"
#include "cluster/replication/node_id.h"

namespace larder::cluster {

// The nodes whose majority decides (ordering.md rule 7).
struct VoterList {
  static constexpr size_t kVotersMax = 7;

  // A shard of which one voter decides alone, and lends itself the right to lead it: permanent
  // authority, where there are too few nodes for a majority to be worth asking.
  struct Permanent {
    ShardId shard{};
    NodeId node;
    friend bool operator==(const Permanent&, const Permanent&) = default;
  };

  // Rises by one with every list, and by far more with a TAKEOVER; 0: none.
  uint64_t epoch = 0;
  std::vector<NodeId> voters;        // sorted
  std::vector<NodeId> before;        // those of the list that this one succeeds; sorted
  std::vector<Permanent> permanent;  // by shard
  // Terms and ballots drawn under this list are above: what a TAKEOVER has set aside is below.
  uint64_t floor = 0;

  friend bool operator==(const VoterList&, const VoterList&) = default;
  size_t Majority() const { return voters.size() / 2 + 1; }
  // The list that this one succeeds, as far as it counts: who, and under which epoch. None of one
  // that was not decided by the one before.
  VoterList Before() const {
    VoterList list;
    list.epoch = before.empty() ? 0 : epoch - 1;
    list.voters = before;
    return list;
  }
  // Those of them who decide on the shard and lend it.
  VoterList Of(ShardId shard) const {
    const auto alone =
        std::find_if(permanent.begin(), permanent.end(),
                     [shard](const Permanent& entry) { return entry.shard == shard; });
    VoterList list = *this;
    if (alone != permanent.end()) list.voters = {alone->node};
    return list;
  }
  bool Has(const NodeId& node) const {
    return std::binary_search(voters.begin(), voters.end(), node);
  }
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REGISTERS_VOTER_LIST_H_
