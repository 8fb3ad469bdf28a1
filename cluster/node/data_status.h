#ifndef LARDER_CLUSTER_NODE_DATA_STATUS_H_
#define LARDER_CLUSTER_NODE_DATA_STATUS_H_

#include <optional>
#include <string>
#include <vector>

#include "cluster/registers/shard_register.h"
#include "cluster/replication/boot_time.h"
#include "cluster/replication/epoch.h"
#include "cluster/replication/node_id.h"
#include "cluster/replication/position.h"

namespace larder::cluster {

// What the shell says of the node's data, its log and its replicas. Each is true when it is given,
// and what is durable in it is on disk.
struct DataStatus {
  struct Replica {
    NodeId node;
    Position applied;
    bool has_caught_up = false;  // it follows, has acknowledged lately, and what it lacks is little
  };

  std::optional<Position> position;  // absent: it has no data
  // Durable. From below it nothing is applied or acknowledged any more, and was not when `position`
  // was read.
  Epoch fence;
  std::optional<Epoch> leads;  // its log is open under this epoch
  std::vector<Replica> replicas;
  // A fence above its own epoch that a replica has met.
  std::optional<Epoch> exceed;
  bool is_held = false;  // no write is under way, and none will be
  bool is_well = true;   // neither the disk nor the data plane hangs
};

// What the shell is to bring about; the same until it changes.
struct DataPlan {
  enum class Kind : uint8_t {
    kWait,    // neither
    kFollow,  // `primary`
    kLead,    // under `epoch`, with a log opened now if it is not open
  };
  Kind kind = Kind::kWait;
  NodeId primary;
  Epoch epoch;
  // To be made durable before it is said (DataStatus::fence).
  Epoch fence;
  // Takes no writes, but leads.
  bool holds_writes = false;

  friend bool operator==(const DataPlan&, const DataPlan&) = default;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_DATA_STATUS_H_
