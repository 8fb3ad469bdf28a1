#ifndef LARDER_CLUSTER_NODE_CLUSTER_CONFIG_H_
#define LARDER_CLUSTER_NODE_CLUSTER_CONFIG_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cluster/registers/protocol_fault.h"
#include "cluster/replication/boot_time.h"

namespace larder::cluster {

// All nodes of a cluster should have the same times.
struct ClusterConfig {
  std::string endpoint;      // where clients reach this node
  std::string bus_endpoint;  // where nodes do
  std::string zone;
  bool no_failover = false;
  // Bus endpoints of nodes to begin with.
  std::vector<std::string> seeds;
  // What is founded if none of the seeds is of a cluster.
  uint32_t shards = 1;
  uint32_t replicas = 0;  // of each

  Millis node_timeout{2000};
  size_t message_bytes_max = 1400;  // of what rides along with a ping

  // How long a primary may act by one grant: well below the node timeout, so that it has run out
  // when a silent primary is held for dead.
  Millis lease() const { return node_timeout * 2 / 5; }
  // The greatest drift of a clock is a tenth, so one may be 1.1 times as fast as true time and
  // another 0.9 times.
  Millis GrantLasts(Millis granted) const {
    if (HasFault(ProtocolFault::kNoDrift)) return granted;
    return granted * 11 / 9 + Millis(1);
  }
  Millis renewal_interval() const { return node_timeout / 10; }
  Millis ping_interval() const { return node_timeout / 4; }
  // An answer that has not come by then is asked for again.
  Millis ask_again() const { return node_timeout / 20; }
  Millis report_lives() const { return node_timeout * 2; }
  // A step that comes so much later than the one before is this node's own pause.
  Millis pause() const { return node_timeout / 5; }
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_CLUSTER_CONFIG_H_
