#include "tests/simulation/simulated_network.h"

#include <algorithm>
#include <iterator>

namespace larder::simulation {
namespace {

// How often what waits is looked at.
constexpr Millis kLookAgain{10};

}  // namespace

SimulatedNetwork::Stream* SimulatedNetwork::Find(StreamId id) {
  const auto found = streams_.find(id);
  return found == streams_.end() || found->second.is_cut ? nullptr : &found->second;
}

bool SimulatedNetwork::MustWait(size_t from, size_t to) const {
  return blocked_.count({from, to}) > 0 || nodes_[to]->is_paused();
}

StreamId SimulatedNetwork::Connect(size_t replica, size_t source) {
  const StreamId id{next_++};
  Stream& stream = streams_[id];
  stream.replica = replica;
  stream.source = source;
  events_->After(Delay(), [this, id] { Accept(id); });
  return id;
}

void SimulatedNetwork::Accept(StreamId id) {
  Stream* const stream = Find(id);
  if (stream == nullptr) return;
  if (MustWait(stream->replica, stream->source) || MustWait(stream->source, stream->replica)) {
    events_->After(kLookAgain, [this, id] { Accept(id); });
    return;
  }
  if (!nodes_[stream->source]->is_running()) {
    Cut(id, stream->source);
    return;
  }
  nodes_[stream->source]->OnAccepted(id);
  if (Find(id) != nullptr) nodes_[stream->replica]->OnConnected(id);
}

void SimulatedNetwork::SendToSource(StreamId id, cluster::ReplicaMessage message) {
  Stream* const stream = Find(id);
  if (stream == nullptr) return;
  stream->to_source.push_back(std::move(message));
  stream->due_to_source = std::max(stream->due_to_source, events_->now() + Delay());
  events_->After(stream->due_to_source - events_->now(), [this, id] { DeliverToSource(id); });
}

void SimulatedNetwork::SendToReplica(StreamId id, cluster::SourceMessage message) {
  Stream* const stream = Find(id);
  if (stream == nullptr) return;
  stream->to_replica.push_back(std::move(message));
  stream->due_to_replica = std::max(stream->due_to_replica, events_->now() + Delay());
  events_->After(stream->due_to_replica - events_->now(), [this, id] { DeliverToReplica(id); });
}

void SimulatedNetwork::CloseBehind(StreamId id) {
  Stream* const stream = Find(id);
  if (stream == nullptr) return;
  stream->to_replica.push_back(std::nullopt);
  stream->due_to_replica = std::max(stream->due_to_replica, events_->now() + Delay());
  events_->After(stream->due_to_replica - events_->now(), [this, id] { DeliverToReplica(id); });
}

void SimulatedNetwork::DeliverToSource(StreamId id) {
  Stream* const stream = Find(id);
  if (stream == nullptr || stream->to_source.empty()) return;
  if (MustWait(stream->replica, stream->source)) {
    events_->After(kLookAgain, [this, id] { DeliverToSource(id); });
    return;
  }
  cluster::ReplicaMessage message = std::move(stream->to_source.front());
  stream->to_source.pop_front();
  ++delivered_;
  nodes_[stream->source]->OnMessage(id, std::move(message));
}

void SimulatedNetwork::DeliverToReplica(StreamId id) {
  Stream* const stream = Find(id);
  if (stream == nullptr || stream->to_replica.empty()) return;
  if (MustWait(stream->source, stream->replica)) {
    events_->After(kLookAgain, [this, id] { DeliverToReplica(id); });
    return;
  }
  std::optional<cluster::SourceMessage> message = std::move(stream->to_replica.front());
  stream->to_replica.pop_front();
  ++delivered_;
  if (message.has_value()) {
    nodes_[stream->replica]->OnMessage(id, *std::move(message));
  } else {
    Cut(id, stream->source);
  }
}

bool SimulatedNetwork::HasRoomToReplica(StreamId id) const {
  const auto found = streams_.find(id);
  return found != streams_.end() && !found->second.is_cut &&
         found->second.to_replica.size() < kInFlightMax;
}

void SimulatedNetwork::Cut(StreamId id, size_t by) {
  Stream* const stream = Find(id);
  if (stream == nullptr) return;
  stream->is_cut = true;
  stream->to_source.clear();
  stream->to_replica.clear();
  const size_t other = by == stream->replica ? stream->source : stream->replica;
  events_->After(Delay(), [this, id, other] { TellClosed(id, other); });
}

void SimulatedNetwork::TellClosed(StreamId id, size_t node) {
  if (nodes_[node]->is_paused()) {
    events_->After(kLookAgain, [this, id, node] { TellClosed(id, node); });
    return;
  }
  if (nodes_[node]->is_running()) nodes_[node]->OnClosed(id);
}

void SimulatedNetwork::CutAllOf(size_t node) {
  for (auto& [id, stream] : streams_) {
    if (stream.replica == node || stream.source == node) Cut(id, node);
  }
  std::erase_if(streams_, [](const auto& entry) { return entry.second.is_cut; });
}

void SimulatedNetwork::CutForBoth(StreamId id) {
  Stream* const stream = Find(id);
  if (stream == nullptr) return;
  const size_t replica = stream->replica;
  Cut(id, replica);
  events_->After(Delay(), [this, id, replica] { TellClosed(id, replica); });
}

bool SimulatedNetwork::CutSome() {
  std::erase_if(streams_, [](const auto& entry) { return entry.second.is_cut; });
  if (streams_.empty()) return false;
  const uint64_t chosen = random_.Below(streams_.size());
  CutForBoth(std::next(streams_.begin(), static_cast<ptrdiff_t>(chosen))->first);
  return true;
}

void SimulatedNetwork::CutUpstreamOf(size_t replica) {
  for (const auto& [id, stream] : streams_) {
    if (!stream.is_cut && stream.replica == replica) {
      CutForBoth(id);
      return;
    }
  }
}

}  // namespace larder::simulation
