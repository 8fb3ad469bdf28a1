#ifndef LARDER_TESTS_SIMULATION_CLUSTER_DATA_SIDE_H_
#define LARDER_TESTS_SIMULATION_CLUSTER_DATA_SIDE_H_

#include <cstddef>
#include <set>

#include "cluster/node/cluster_node.h"
#include "cluster/node/data_status.h"

namespace larder::simulation {

// A node's data, log and replicas, as a ClusterNode has to do with them.
class DataSide {
 public:
  virtual ~DataSide() = default;
  // A process begins, with what the disk has; or ends.
  virtual void Start() = 0;
  virtual void Crash() = 0;
  virtual void Pause() {}
  virtual void Resume() {}
  virtual cluster::DataStatus Status() = 0;
  // After each step of `node`.
  virtual void CarryOut(const cluster::ClusterNode& node) = 0;
};

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_CLUSTER_DATA_SIDE_H_
