#ifndef LARDER_CLUSTER_REPLICATION_EPOCH_H_
#define LARDER_CLUSTER_REPLICATION_EPOCH_H_

#include <compare>
#include <cstdint>
#include <string>

#include "cluster/replication/node_id.h"

namespace larder::cluster {

// One opening of a shard's log by one primary, compared in the order of the fields. Never used
// twice: it is durable at the node that draws it before anything else hears of it. Default: none,
// which is below all.
struct Epoch {
  // More than any shard comes to; one that says more must not make numbers wrap around.
  static constexpr uint64_t kNumberMax = uint64_t{1} << 62;

  uint64_t term = 0;         // raised by whoever takes the shard over
  uint64_t incarnation = 0;  // raised by a primary that goes on after a restart
  NodeId node;               // who drew it

  friend auto operator<=>(const Epoch&, const Epoch&) = default;
  bool is_set() const { return term != 0; }

  // What `drawer` draws above this one: to take over, or to go on with its own right.
  Epoch NextTerm(const NodeId& drawer) const { return {term + 1, 0, drawer}; }
  Epoch NextIncarnation(const NodeId& drawer) const { return {term, incarnation + 1, drawer}; }
  // "3.1.9f86d081": term, incarnation and the first digits of the node.
  std::string ToText() const;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_EPOCH_H_
