#include "cluster/node/hand_over.h"

#include <algorithm>

namespace larder::cluster {

void PlannedHandOver::Begin(const NodeId& successor) {
  if (successor_.has_value() || !core_->IsPrimary()) return;
  successor_ = successor;
  give_up_at_ = core_->now + core_->config.node_timeout * 5;
}

void PlannedHandOver::End() {
  successor_.reset();
  hold_until_.reset();
  endorser_->AgreeTo(std::nullopt);
}

void PlannedHandOver::Tick() {
  if (!successor_.has_value()) return;
  const bool is_over = !core_->IsPrimary() || core_->data.leads != core_->plan.epoch ||
                       core_->table.IsFailed(*successor_);
  if (is_over) return End();
  const auto replica =
      std::find_if(core_->data.replicas.begin(), core_->data.replicas.end(),
                   [this](const DataStatus::Replica& r) { return r.node == *successor_; });
  const bool is_close = replica != core_->data.replicas.end() && replica->has_caught_up;
  if (!hold_until_.has_value()) {
    if (core_->now >= give_up_at_) return End();
    if (!is_close) return;
    hold_until_ = core_->now + core_->config.node_timeout / 2;
    endorser_->AgreeTo(successor_);
    return;
  }
  // What it has endorsed stays so; whether it goes on is then Election's affair.
  if (core_->now >= *hold_until_) return End();
  const bool has_all = core_->data.is_held && is_close && core_->data.position.has_value() &&
                       replica->applied == *core_->data.position;
  if (!has_all || core_->now < ask_again_at_) return;
  ask_again_at_ = core_->now + core_->config.ask_again();
  core_->Send(*successor_, Stand{*core_->shard(), ElectionKind::kPlanned, {}});
}

}  // namespace larder::cluster
