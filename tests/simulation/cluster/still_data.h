#ifndef LARDER_TESTS_SIMULATION_CLUSTER_STILL_DATA_H_
#define LARDER_TESTS_SIMULATION_CLUSTER_STILL_DATA_H_

#include <functional>
#include <optional>
#include <vector>

#include "tests/simulation/cluster/data_side.h"

namespace larder::simulation {

// Data that never changes, and replicas that have it as soon as they follow: for what depends on
// nodes alone.
class StillData final : public DataSide {
 public:
  using Followers = std::function<std::vector<cluster::NodeId>()>;

  // `followers`: who runs, and follows this node.
  explicit StillData(Followers followers) : followers_(std::move(followers)) {}

  void Start() override { plan_ = {}, leads_.reset(); }
  void Crash() override { leads_.reset(); }
  cluster::DataStatus Status() override;
  void CarryOut(const cluster::ClusterNode& node) override;
  const cluster::DataPlan& plan() const { return plan_; }

 private:
  const Followers followers_;
  cluster::DataPlan plan_;
  cluster::Epoch fence_;  // on disk
  std::optional<cluster::Epoch> leads_;
};

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_CLUSTER_STILL_DATA_H_
