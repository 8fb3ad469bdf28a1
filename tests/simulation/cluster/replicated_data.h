#ifndef LARDER_TESTS_SIMULATION_CLUSTER_REPLICATED_DATA_H_
#define LARDER_TESTS_SIMULATION_CLUSTER_REPLICATED_DATA_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <utility>

#include "tests/simulation/cluster/data_side.h"
#include "tests/simulation/simulated_node.h"

namespace larder::simulation {

// Real replication over a keyspace that is a map: what a cluster decides is carried out by a
// SimulatedNode.
class ReplicatedData final : public DataSide {
 public:
  // `is_set_aside`: by a TAKEOVER that the node has not heard of. What it leads then is lost.
  ReplicatedData(SimulatedNode* node, std::function<bool()> is_set_aside)
      : node_(node), is_set_aside_(std::move(is_set_aside)) {}

  void Start() override;
  void Crash() override { node_->Crash(loss_); }
  void Pause() override { node_->Pause(); }
  void Resume() override { node_->Resume(); }
  cluster::DataStatus Status() override;
  void CarryOut(const cluster::ClusterNode& node) override;
  // With the next crash.
  void set_loss(SimulatedNode::Loss loss) { loss_ = loss; }

 private:
  SimulatedNode* const node_;
  const std::function<bool()> is_set_aside_;
  SimulatedNode::Loss loss_ = SimulatedNode::Loss::kNothing;
  cluster::Epoch fence_;  // as it was said
};

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_CLUSTER_REPLICATED_DATA_H_
