#ifndef LARDER_CLUSTER_NODE_CLUSTER_EFFECTS_H_
#define LARDER_CLUSTER_NODE_CLUSTER_EFFECTS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cluster/node/cluster_event.h"
#include "cluster/node/data_status.h"
#include "cluster/node/durable_cluster.h"
#include "cluster/node/peer_messages.h"
#include "cluster/node/topology.h"

namespace larder::cluster {

// A message to be sent, lost if it cannot be.
struct Sending {
  NodeId to;             // unset: to whoever is at `endpoint`
  std::string endpoint;  // of its bus
  Envelope envelope;
  // Not before the state of this number is on disk (ClusterEffects::save_number), or a later one.
  uint64_t after_save = 0;
};

struct ClusterEffects {
  // To be synced; a later one may take its place.
  std::shared_ptr<const DurableCluster> save;
  uint64_t save_number = 0;  // of `save`; rises
  std::vector<Sending> sends;
  DataPlan plan;
  // Until when a primary may act; absent: it may not.
  std::optional<BootTime> may_act_until;
  std::shared_ptr<const Topology> topology;  // null: as before
  std::vector<ClusterEvent> events;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_CLUSTER_EFFECTS_H_
