#ifndef LARDER_CLUSTER_REGISTERS_BALLOT_H_
#define LARDER_CLUSTER_REGISTERS_BALLOT_H_

#include <compare>
#include <cstdint>

#include "cluster/replication/node_id.h"

namespace larder::cluster {

// One attempt to change a register, by one process of a node; compared in the order of the fields.
// None is used twice: a process does not go back, and no two of a node have one generation.
// Default: none, which is below all.
struct Ballot {
  uint64_t number = 0;
  NodeId node;
  uint64_t generation = 0;  // which the process began with

  friend auto operator<=>(const Ballot&, const Ballot&) = default;
  bool is_set() const { return number != 0; }
  Ballot Next(const NodeId& proposer, uint64_t with_generation) const {
    return {number + 1, proposer, with_generation};
  }
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REGISTERS_BALLOT_H_
