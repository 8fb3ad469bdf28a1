#ifndef LARDER_CLUSTER_REPLICATION_POSITION_H_
#define LARDER_CLUSTER_REPLICATION_POSITION_H_

#include <compare>
#include <cstdint>
#include <string>

#include "cluster/replication/epoch.h"

namespace larder::cluster {

// How far the data of a node goes. Sequences rise, and the next one of a record is known from the
// record alone: what they count is the log's affair.
struct Position {
  Epoch epoch;            // of the last record that was applied, never of the primary followed
  uint64_t sequence = 0;  // of the next record: all before it are applied

  friend auto operator<=>(const Position&, const Position&) = default;
  // "3.1.9f86d081/1200".
  std::string ToText() const;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_POSITION_H_
