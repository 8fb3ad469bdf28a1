#ifndef LARDER_CLUSTER_NODE_ELECTION_PROOF_H_
#define LARDER_CLUSTER_NODE_ELECTION_PROOF_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "cluster/registers/shard_register.h"
#include "cluster/replication/node_id.h"
#include "cluster/replication/position.h"

namespace larder::cluster {

// Why there is an election.
enum class ElectionKind : uint8_t {
  kFailed,   // the primary is FAIL
  kForced,   // an operator says so; the primary is not asked
  kPlanned,  // the primary has agreed, and endorses
  kResumed,  // the primary itself goes on, after a restart or above a fence
};

// What a candidate shows for it.
struct ElectionProof {
  struct Endorsement {
    NodeId node;
    std::optional<Position> position;  // absent: it has no data
  };

  ElectionKind kind = ElectionKind::kFailed;
  ShardRegister underneath;          // what a majority had accepted
  std::optional<Position> position;  // of the candidate; absent: it has no data
  std::vector<Endorsement> endorsements;

  const Endorsement* Find(const NodeId& node) const {
    for (const Endorsement& endorsement : endorsements) {
      if (endorsement.node == node) return &endorsement;
    }
    return nullptr;
  }
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_ELECTION_PROOF_H_
