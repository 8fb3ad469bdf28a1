#include "cluster/replication/replication_state.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace larder::cluster {

ReplicationState::ReplicationState(NodeId node, const DurableReplication& recovered,
                                   std::optional<uint64_t> sequence)
    : node_(node), fence_(recovered.fence), commanded_(recovered.commanded), saved_(recovered) {
  if (!sequence.has_value()) return;
  growing_ = GrowingHistory(recovered.history, *sequence);
  growing_.ForgetAnnounced();
  // What the data has been through is known, whatever else was lost.
  if (has_data()) RaiseFence(history().beginnings().back().epoch);
  sequence_ = *sequence;
}

std::optional<DurableReplication> ReplicationState::Unsaved() const {
  const bool is_saved =
      saved_.fence == fence_ && saved_.commanded == commanded_ && saved_.history == history();
  if (is_saved) return std::nullopt;
  return DurableReplication{fence_, history(), commanded_};
}

DurableReplication ReplicationState::WhenOpened(Opening opening, const Epoch& epoch,
                                                uint64_t first) const {
  ReplicationState opened = *this;
  switch (opening) {
    case Opening::kGoOn:
      opened.Open(epoch, first);
      break;
    case Opening::kAnew:
      opened.OpenAnew(epoch, first);
      break;
    case Opening::kEmpty:
      opened.OpenEmpty(epoch, first);
      break;
  }
  return {opened.fence_, opened.history(), opened.commanded_};
}

void ReplicationState::Open(const Epoch& epoch, uint64_t first) {
  assert(has_data() && epoch >= fence_);
  growing_.Open(epoch, first);
  fence_ = epoch;
  sequence_ = first;
  leads_ = true;
  commanded_ = false;
}

void ReplicationState::OpenAnew(const Epoch& epoch, uint64_t first) {
  History history;
  history.Begin(epoch, first);
  history.set_forgot();
  Begin(epoch, history, first);
}

void ReplicationState::OpenEmpty(const Epoch& epoch, uint64_t first) {
  History history;
  history.Begin(epoch, first);
  history.set_began_empty();
  Begin(epoch, history, first);
}

void ReplicationState::Begin(const Epoch& epoch, const History& history, uint64_t first) {
  assert(epoch >= fence_);
  growing_ = GrowingHistory(history, first);
  ++generation_;
  fence_ = epoch;
  sequence_ = first;
  leads_ = true;
  commanded_ = false;
}

void ReplicationState::Close(uint64_t end) {
  // Replicas that were told of an epoch which never had a record would take others' records for it.
  if (!growing_.Close(end)) ++generation_;
  sequence_ = end;
  leads_ = false;
}

void ReplicationState::RaiseFence(const Epoch& epoch) { fence_ = std::max(fence_, epoch); }

void ReplicationState::Advance(uint64_t sequence) {
  assert(has_data() && !leads_ && sequence >= sequence_);
  sequence_ = sequence;
  growing_.Advance(sequence);
}

void ReplicationState::Install(GrowingHistory growing, uint64_t sequence) {
  assert(!leads_);
  growing_ = std::move(growing);
  sequence_ = sequence;
  ++generation_;
}

void ReplicationState::Forget() {
  assert(!leads_);
  growing_ = GrowingHistory();
  sequence_ = 0;
  ++generation_;
}

}  // namespace larder::cluster
