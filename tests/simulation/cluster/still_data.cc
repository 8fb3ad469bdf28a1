#include "tests/simulation/cluster/still_data.h"

#include <algorithm>

namespace larder::simulation {

cluster::DataStatus StillData::Status() {
  cluster::DataStatus status;
  status.position = cluster::Position{{1, 0, {1, 1}}, 100};
  status.fence = fence_;
  status.leads = leads_;
  status.is_held = plan_.holds_writes;
  if (leads_.has_value()) {
    for (const cluster::NodeId& node : followers_()) {
      status.replicas.push_back({node, *status.position, true});
    }
  }
  return status;
}

void StillData::CarryOut(const cluster::ClusterNode& node) {
  const cluster::DataPlan& plan = node.core().plan;
  plan_ = plan;
  fence_ = std::max(fence_, plan.fence);
  if (plan.kind == cluster::DataPlan::Kind::kLead && fence_ <= plan.epoch) {
    fence_ = plan.epoch;
    leads_ = plan.epoch;
  } else {
    leads_.reset();
  }
}

}  // namespace larder::simulation
