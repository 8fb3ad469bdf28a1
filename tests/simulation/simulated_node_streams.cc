// The streams of a SimulatedNode, and what its sink has it do.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cluster/registers/protocol_fault.h"
#include "tests/simulation/simulated_node.h"

namespace larder::simulation {

using cluster::LinkId;
using cluster::Position;
using cluster::SinkWork;

namespace {

constexpr uint64_t kBatchBytes = 150;

LinkId LinkOf(StreamId stream) { return LinkId{static_cast<uint64_t>(stream)}; }

}  // namespace

bool SimulatedNode::IsHeld() const {
  return std::any_of(process_->links.begin(), process_->links.end(),
                     [](const auto& entry) { return entry.second->IsHeld(); });
}

void SimulatedNode::OnAccepted(StreamId stream) {
  process_->links.emplace(stream, std::make_unique<ModelFeed>(&process_->keyspace));
  process_->source->Connect(LinkOf(stream), BootNow());
}

void SimulatedNode::OnConnected(StreamId stream) {
  if (process_->upstream != stream) return;
  process_->sink->OnConnected(BootNow());
  Settle();
}

void SimulatedNode::OnMessage(StreamId stream, cluster::ReplicaMessage message) {
  if (process_->links.count(stream) == 0) return;
  Trace(cluster::MessageText(message));
  if (auto* hello = std::get_if<cluster::Hello>(&message)) {
    if (is_open()) NumberAnew();
    process_->heard.insert(hello->node);
    PlantInHello(options_.fault, *process_->state, process_->keyspace.end(), hello);
  } else {
    PlantInAck(options_.fault, *process_->state, &std::get<cluster::Ack>(message));
  }
  const absl::Status status =
      process_->source->Receive(LinkOf(stream), std::move(message), BootNow());
  if (!status.ok() && options_.fault == PlantedFault::kNone) {
    world_->violation(
        absl::StrCat("a replica of node ", index_, " said what it cannot say: ", status.message()));
  }
  Settle();
}

void SimulatedNode::OnMessage(StreamId stream, cluster::SourceMessage message) {
  if (process_->upstream != stream) return;
  Trace(cluster::MessageText(message));
  if (auto* welcome = std::get_if<cluster::Welcome>(&message)) {
    PlantInWelcome(options_.fault, *process_->state, process_->asked_to_go_on, welcome);
  }
  process_->sink->Receive(std::move(message), BootNow());
  const cluster::SinkReport report = process_->sink->Report();
  if (report.trouble == cluster::SinkTrouble::kProtocol && !report.is_connected &&
      options_.fault == PlantedFault::kNone) {
    world_->violation(
        absl::StrCat("the source of node ", index_, " said what it cannot say: ", report.detail));
  }
  Settle();
}

void SimulatedNode::OnClosed(StreamId stream) {
  if (process_->upstream == stream) {
    process_->upstream.reset();
    process_->sink->OnDisconnected(absl::OkStatus(), BootNow());
  }
  CloseLink(stream);
  Settle();
}

void SimulatedNode::CloseLink(StreamId stream) {
  const auto found = process_->links.find(stream);
  if (found == process_->links.end()) return;
  process_->source->Disconnect(LinkOf(stream), found->second.get());
  process_->links.erase(found);
}

cluster::SourceCondition SimulatedNode::Condition() {
  cluster::SourceCondition condition;
  condition.now = BootNow();
  condition.shard_time = WallNow();
  condition.log_rests = random_.Below(4) == 0;
  if (process_->state->leads()) {
    condition.age = Millis(0);
    condition.is_ready = process_->is_log_on;
    return condition;
  }
  condition.shard_time = process_->sink->ShardTimeAt(condition.now).value_or(WallNow());
  condition.age = process_->sink->Staleness(condition.now);
  condition.upstream = process_->sink->upstream();
  condition.is_ready = process_->sink->Report().is_following;
  return condition;
}

// ---- Effects.

void SimulatedNode::Settle() {
  if (is_settling_) return;
  is_settling_ = true;
  OpenWhenPromoted();
  RaiseEpochIfAsked();
  while (SaveState()) {
    cluster::SinkEffects effects = process_->sink->TakeEffects();
    if (!effects.connect && !effects.disconnect && !effects.take_over && effects.sends.empty() &&
        effects.work.empty()) {
      NoteAcks();
      PumpLinks();
      break;
    }
    CarryOut(std::move(effects));
  }
  is_settling_ = false;
}

void SimulatedNode::CarryOut(cluster::SinkEffects effects) {
  if (effects.disconnect && process_->upstream.has_value()) {
    world_->network->Cut(*process_->upstream, index_);
    process_->upstream.reset();
  }
  if (effects.connect && disk_.follows.has_value()) {
    process_->upstream = world_->network->Connect(index_, *disk_.follows);
  }
  for (cluster::ReplicaMessage& message : effects.sends) {
    if (!process_->upstream.has_value()) break;
    if (const auto* hello = std::get_if<cluster::Hello>(&message)) {
      process_->asked_to_go_on = hello->copy;
    }
    world_->network->SendToSource(*process_->upstream, std::move(message));
  }
  for (SinkWork& work : effects.work) {
    const bool is_early = Has(PlantedFault::kAckBeforeApply) &&
                          work.kind == SinkWork::Kind::kApply &&
                          (process_->work.empty() || process_->work.back().begin == "early");
    if (is_early) work.begin = "early";
    process_->work.push_back(std::move(work));
    if (is_early) process_->sink->OnDone(BootNow());
  }
  WorkLater();
  if (effects.take_over && !IsClustered()) {
    is_settling_ = false;
    Promote(world_->unheard_at_handover, {});
    is_settling_ = true;
  }
}

void SimulatedNode::WorkLater() {
  if (process_->work.empty() || process_->is_working) return;
  process_->is_working = true;
  Later(Millis(random_.Below(static_cast<uint64_t>(options_.work_delay_max.count()) + 1)),
        [this] { WorkNext(); });
}

void SimulatedNode::WorkNext() {
  process_->is_working = false;
  if (process_->work.empty()) return;
  SinkWork work = std::move(process_->work.front());
  process_->work.pop_front();
  const absl::Status status = DoWork(work);
  if (absl::IsUnavailable(status)) {
    process_->work.push_front(std::move(work));
    WorkLater();
    Settle();
    return;
  }
  if (work.begin != "early" || work.kind != SinkWork::Kind::kApply) {
    if (status.ok()) {
      process_->sink->OnDone(BootNow());
    } else {
      process_->work.clear();
      process_->sink->OnFailed(status, BootNow());
    }
  }
  if (work.kind == SinkWork::Kind::kApply || work.kind == SinkWork::Kind::kInstallCopy) {
    CheckContent();
  }
  WorkLater();
  Settle();
}

absl::Status SimulatedNode::ApplyRecords(const SinkWork& work) {
  ModelKeyspace& keyspace = process_->keyspace;
  const bool is_cut = work.begin != "early" && random_.Below(100) < options_.batches_cut_percent;
  if (keyspace.ApplyLogged(work.payload, work.from, work.to,
                           is_cut ? random_.Below(4) : SIZE_MAX)) {
    return absl::OkStatus();
  }
  if (!is_cut) {
    world_->violation(absl::StrCat("records ", work.from, "..", work.to, " for node ", index_,
                                   ", which is at ", keyspace.end()));
    return absl::InternalError("records that do not go on where the data ends");
  }
  Trace("applies a part of what came");
  if (!Has(PlantedFault::kPartForgotten)) process_->sink->OnPartDone(keyspace.end());
  CheckContent();
  if (random_.Below(2) == 0) return absl::UnavailableError("no room");
  return absl::ResourceExhaustedError("no memory");
}

void SimulatedNode::DropServed() {
  if (process_->keyspace.size() == 0) return;
  Trace("drops what it serves");
  const uint64_t end = process_->keyspace.end();
  process_->keyspace = EmptyKeyspace();
  process_->keyspace.BeginLog(end);
  if (!Has(PlantedFault::kDroppedDataClaimed)) process_->state->Forget();
  truth_->OnDataLost(index_, world_->events.now());
}

absl::Status SimulatedNode::DoWork(const SinkWork& work) {
  Process& process = *process_;
  switch (work.kind) {
    case SinkWork::Kind::kApply:
      return ApplyRecords(work);
    case SinkWork::Kind::kBeginCopy:
      if (random_.Below(100) < options_.copies_failed_percent) {
        return absl::ResourceExhaustedError("no memory for a copy");
      }
      process.copy = EmptyKeyspace();
      break;
    case SinkWork::Kind::kGoOnWithCopy:
      if (!process.copy.has_value()) world_->violation("a copy goes on that is not there");
      break;
    case SinkWork::Kind::kApplyToCopy:
      process.copy->ApplyToCopy(work.payload);
      break;
    case SinkWork::Kind::kPutChunk:
      if (options_.chunks_displacing_percent > 0 &&
          random_.Below(100) < options_.chunks_displacing_percent) {
        DropServed();
      }
      if (!work.keep) process.copy->PutChunk(work.begin, work.end, work.payload);
      break;
    case SinkWork::Kind::kInstallCopy:
      Trace("installs a copy");
      // What was kept of the old data is gone with it, also on disk.
      process.keyspace = *std::exchange(process.copy, std::nullopt);
      process.keyspace.BeginLog(work.to);
      break;
    case SinkWork::Kind::kDropCopy:
      process.copy.reset();
      break;
  }
  return absl::OkStatus();
}

void SimulatedNode::CheckContent() {
  if (process_->state->leads() || !process_->state->has_data()) return;
  const Position position = process_->state->PositionAt(process_->keyspace.end());
  const auto wrong = truth_->CheckContent(position, process_->keyspace.digest());
  if (wrong.has_value()) world_->violation(absl::StrCat("node ", index_, ": ", *wrong));
}

void SimulatedNode::CheckStaleness() {
  if (!options_.checks_staleness || process_->state->leads() || !process_->state->has_data()) {
    return;
  }
  const std::optional<Millis> age = process_->sink->Staleness(BootNow());
  if (!age.has_value()) return;
  const std::optional<Position> before = truth_->LastWrittenBefore(world_->events.now() - *age);
  if (!before.has_value()) return;
  if (before->epoch != process_->state->history().beginnings().back().epoch) return;
  const cluster::GrowingHistory& growing = process_->state->growing();
  if (growing.Reached(*before, process_->keyspace.end()) != cluster::History::Reach::kNotYet) {
    return;
  }
  world_->violation(absl::StrCat("node ", index_, " says it is at most ", age->count(),
                                 " ms old, but has not ", before->ToText()));
}

void SimulatedNode::NoteAcks() {
  const bool is_unchecked = cluster::HasFault(cluster::ProtocolFault::kAcknowledgeUnchecked);
  if (!(is_unchecked ? leads() : is_open())) {
    process_->waiting.clear();
    return;
  }
  std::erase_if(process_->waiting, [this](const Waiting& write) {
    if (process_->source->AckedSequence(write.replicas) < write.position.sequence) {
      return false;
    }
    const auto lost = truth_->OnAcknowledged(write.position, write.written, write.replicas);
    if (lost.has_value()) world_->violation(*lost);
    if (IsClustered() && !options_.may_act()) {
      world_->violation(absl::StrCat("node ", index_, " answers, and may not act any more"));
    }
    return true;
  });
}

void SimulatedNode::PumpLinks() {
  std::vector<StreamId> streams;
  for (const auto& [stream, feed] : process_->links) streams.push_back(stream);
  for (const StreamId stream : streams) {
    const auto found = process_->links.find(stream);
    if (found != process_->links.end()) Pump(stream, found->second.get());
  }
}

void SimulatedNode::Pump(StreamId stream, ModelFeed* feed) {
  while (world_->network->HasRoomToReplica(stream)) {
    cluster::Outgoing outgoing =
        process_->source->Next(LinkOf(stream), feed, kBatchBytes, Condition());
    if (!SaveState()) {
      // It must not be said, and was not.
      world_->network->Cut(stream, index_);
      CloseLink(stream);
      return;
    }
    if (outgoing.message.has_value()) {
      world_->network->SendToReplica(stream, *std::move(outgoing.message));
    }
    if (outgoing.close.has_value()) {
      Trace(absl::StrCat("closes a link: ", cluster::CloseReasonText(*outgoing.close).data()));
      world_->network->CloseBehind(stream);
      CloseLink(stream);
      return;
    }
    if (!outgoing.message.has_value()) return;
  }
}

}  // namespace larder::simulation
