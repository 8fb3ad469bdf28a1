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

  // Who leads a shard, for good, where there are too few voters to lend a right to lead.
  struct Permanent {
    ShardId shard{};
    Epoch epoch;
    friend bool operator==(const Permanent&, const Permanent&) = default;
  };

  uint64_t epoch = 0;                // rises by one with every list; 0: none
  std::vector<NodeId> voters;        // sorted
  std::vector<NodeId> before;        // those of the list that this one succeeds; sorted
  std::vector<Permanent> permanent;  // by shard; of a list of one or two

  friend bool operator==(const VoterList&, const VoterList&) = default;
  size_t Majority() const { return voters.size() / 2 + 1; }
  // The list that this one succeeds, as far as it counts: who, and under which epoch.
  VoterList Before() const { return {epoch == 0 ? 0 : epoch - 1, before, {}, {}}; }
  bool IsPermanent() const { return epoch != 0 && voters.size() < 3; }
  bool Has(const NodeId& node) const {
    return std::binary_search(voters.begin(), voters.end(), node);
  }
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REGISTERS_VOTER_LIST_H_
