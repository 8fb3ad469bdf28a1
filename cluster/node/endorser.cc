#include "cluster/node/endorser.h"

#include <algorithm>
#include <utility>

#include "cluster/registers/protocol_fault.h"

namespace larder::cluster {
namespace {

bool IsAhead(const std::optional<Position>& one, const std::optional<Position>& other) {
  return one.has_value() && (!other.has_value() || *one > *other);
}

}  // namespace

void Endorser::Refuse(const NodeId& to, const Endorse& request, NotEndorsed::Reason reason) {
  core_->Send(to, NotEndorsed{request.shard, request.epoch, reason,
                              std::max(core_->data.fence, fence_), core_->data.position});
}

bool Endorser::HasMore(const Endorse& request) const {
  return IsAhead(core_->data.position, request.position) && !HasFault(ProtocolFault::kBehindStands);
}

void Endorser::Answer(const NodeId& to, const Endorse& request) {
  if (HasMore(request)) {
    return Refuse(to, request, NotEndorsed::Reason::kAhead);
  }
  core_->Send(to, Endorsed{request.shard, request.epoch, core_->data.position});
}

void Endorser::OnEndorse(const NodeId& from, const Endorse& message) {
  if (core_->shard() != message.shard) {
    return Refuse(from, message, NotEndorsed::Reason::kNotOfShard);
  }
  if (message.epoch == core_->data.fence) return Answer(from, message);
  if (message.epoch < std::max(core_->data.fence, fence_)) {
    return Refuse(from, message, NotEndorsed::Reason::kFenced);
  }
  const ShardRegister* const own = core_->OwnRegister();
  const bool leads = own != nullptr && own->primary() == core_->node &&
                     core_->data.leads == own->epoch && core_->data.fence <= own->epoch;
  if (leads && (agreed_to_ != from || !core_->data.is_held)) {
    return Refuse(from, message, NotEndorsed::Reason::kLeads);
  }
  if (HasMore(message)) {
    return Refuse(from, message, NotEndorsed::Reason::kAhead);
  }
  fence_ = message.epoch;
  pending_ = Pending{from, message};
}

void Endorser::Tick() {
  if (HasFault(ProtocolFault::kNoFence) && pending_.has_value()) {
    fence_ = {};
    Answer(pending_->candidate, pending_->request);
    pending_.reset();
  }
  if (!pending_.has_value() || core_->data.fence < pending_->request.epoch) return;
  const Pending pending = *std::exchange(pending_, std::nullopt);
  if (core_->data.fence != pending.request.epoch) {
    return Refuse(pending.candidate, pending.request, NotEndorsed::Reason::kFenced);
  }
  Answer(pending.candidate, pending.request);
}

}  // namespace larder::cluster
