#include "tests/simulation/cluster/replicated_data.h"

#include <set>

#include "cluster/registers/protocol_fault.h"

namespace larder::simulation {

using cluster::DataPlan;
using cluster::NodeId;

namespace {

// A replica that lacks no more has caught up.
constexpr uint64_t kLagMax = 20;

size_t IndexOf(const NodeId& node) { return static_cast<size_t>(node.low); }

}  // namespace

void ReplicatedData::Start() {
  fence_ = {};
  node_->Start();
}

cluster::DataStatus ReplicatedData::Status() {
  cluster::DataStatus status;
  if (!node_->is_running()) return status;
  // A fence holds when nothing of before it is under way any more.
  const cluster::ReplicationState& state = node_->state();
  if (node_->IsFenced()) fence_ = state.fence();
  status.fence = fence_;
  status.position = node_->position();
  if (!state.leads() || node_->source().stopped()) return status;
  status.leads = state.fence();
  status.exceed = node_->source().epoch_to_exceed();
  status.is_held = node_->holds_writes();
  const uint64_t end = node_->keyspace().end();
  for (const cluster::LinkReport& link : node_->source().Links(node_->BootNow())) {
    if (!link.applied.has_value()) continue;
    const bool is_close = link.applied->sequence + kLagMax >= end;
    status.replicas.push_back(
        {link.node, *link.applied, !link.is_copying && link.is_in_time && is_close});
  }
  return status;
}

void ReplicatedData::CarryOut(const cluster::ClusterNode& node) {
  if (!node_->is_running()) return;
  const DataPlan& plan = node.core().plan;
  if (plan.fence.is_set()) node_->Fence(plan.fence);
  node_->set_holds_writes(plan.holds_writes);
  const cluster::ShardRegister* const own = node.core().OwnRegister();
  const bool all_count = cluster::HasFault(cluster::ProtocolFault::kUnableAcknowledge);
  if (own != nullptr && own->primary() == node.core().node && !all_count) {
    node_->SetAble({own->able.begin(), own->able.end()});
  }
  switch (plan.kind) {
    case DataPlan::Kind::kWait:
      return;
    case DataPlan::Kind::kFollow:
      node_->FollowPrimary(IndexOf(plan.primary));
      return;
    case DataPlan::Kind::kLead: {
      std::set<size_t> unheard;
      for (const NodeId& one : node.election().unheard()) unheard.insert(IndexOf(one));
      // Whom a TAKEOVER has not heard may promise on for a moment, and that is lost.
      const cluster::VoterList& list = node.core().table.voters();
      const bool is_taken_over = list.floor != 0 && list.before.empty();
      const bool hears_nobody = is_set_aside_() || is_taken_over;
      for (const auto& [id, member] : node.core().table.members()) {
        if (hears_nobody || member.is_forgotten) unheard.insert(IndexOf(id));
      }
      node_->Lead(plan.epoch, unheard);
      return;
    }
  }
}

}  // namespace larder::simulation
