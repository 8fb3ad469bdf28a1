#include "tests/simulation/simulated_node.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace larder::simulation {

using cluster::BootTime;
using cluster::Epoch;
using cluster::NodeId;
using cluster::Position;
using cluster::ReplicationSink;
using cluster::ReplicationSource;
using cluster::ReplicationState;
using Opening = ReplicationState::Opening;

namespace {

constexpr Millis kTickInterval{20};
// How long a primary that restarted asks its replicas.
constexpr Millis kAskFor{1500};

}  // namespace

NodeId NodeIdOf(size_t index) {
  // So that ids are in no order of the indices.
  return {storage::Random::Mix(index + 1), index};
}

SimulatedNode::SimulatedNode(size_t index, size_t nodes, NodeOptions options, World* world,
                             uint64_t seed)
    : index_(index),
      nodes_(nodes),
      options_(options),
      world_(world),
      truth_(&world->truth),
      random_(seed),
      id_(NodeIdOf(index)) {
  disk_.leads = index == 0;
  if (index != 0) disk_.follows = 0;
}

void SimulatedNode::Trace(const std::string& what) const {
  if (!world_->trace) return;
  const std::optional<Position> at = position();
  world_->trace(absl::StrCat(world_->events.now().count(), " ms node ", index_, " at ",
                             at.has_value() ? at->ToText() : "-", ": ", what));
}

BootTime SimulatedNode::BootNow() const {
  return BootTime(world_->events.now() * options_.clock_permille / 1000 +
                  Millis(1000) * (index_ + 1));
}

cluster::ShardTime SimulatedNode::WallNow() const {
  return cluster::ShardTime(world_->events.now() * options_.clock_permille / 1000 +
                            options_.clock_ahead + Millis(10000000));
}

ModelKeyspace SimulatedNode::EmptyKeyspace() const {
  return ModelKeyspace(options_.ring, {.apply_by_version = Has(PlantedFault::kApplyByVersion),
                                       .read_late = Has(PlantedFault::kLargeValueReadLate),
                                       .reads_ahead_unsaid = Has(PlantedFault::kReadAheadUnsaid)});
}

// Something that this process does, if it still lives then; a pause delays it.
void SimulatedNode::Later(Millis delay, std::function<void()> what) {
  world_->events.After(delay, [this, number = process_number_, what = std::move(what)]() mutable {
    if (process_ == nullptr || number != process_number_) return;
    if (is_paused_) {
      Later(kTickInterval, std::move(what));
      return;
    }
    what();
  });
}

// ---- The disk.

bool SimulatedNode::Save(const cluster::DurableReplication& state) {
  if (disk_fails_ && !Has(PlantedFault::kFailedWriteForgotten)) return false;
  if (!disk_fails_) disk_.durable = state;
  process_->state->NoteSaved(state);
  return true;
}

bool SimulatedNode::SaveState() {
  const auto unsaved = process_->state->Unsaved();
  return !unsaved.has_value() || Save(*unsaved);
}

bool SimulatedNode::Open(Opening opening, const Epoch& epoch) {
  const uint64_t first = process_->keyspace.end();
  if (!Save(process_->state->WhenOpened(opening, epoch, first))) return false;
  switch (opening) {
    case Opening::kGoOn:
      process_->source->Open(epoch, first);
      break;
    case Opening::kAnew:
      process_->source->OpenAnew(epoch, first);
      break;
    case Opening::kEmpty:
      process_->source->OpenEmpty(epoch, first);
      break;
  }
  return true;
}

// ---- The process.

SimulatedNode::Snapshot SimulatedNode::TakeSnapshot() const {
  return {process_->keyspace, process_->keyspace.end(), process_->state->history(),
          process_->is_log_on};
}

void SimulatedNode::Start() {
  StartProcess();
  Trace("starts");
  if (IsClustered()) {
    holds_writes_ = false;
  } else if (disk_.leads) {
    const bool is_new = !disk_.durable.fence.is_set();
    if (!process_->state->leads()) {
      process_->opens_at = world_->events.now() + (is_new ? Millis(0) : kAskFor);
    }
  } else if (disk_.follows.has_value()) {
    process_->sink->Follow(false, BootNow());
  }
  Tick();
}

void SimulatedNode::StartFollowing(size_t source) {
  disk_.leads = false;
  disk_.follows = source;
  StartProcess();
  Trace(absl::StrCat("starts, to follow ", source));
  process_->sink->Follow(true, BootNow());
  Tick();
}

void SimulatedNode::StartProcess() {
  ++process_number_;
  is_paused_ = false;
  disk_fails_ = false;  // or it would not start
  std::optional<uint64_t> end;
  cluster::DurableReplication found = disk_.durable;
  found.history = {};
  ModelKeyspace keyspace = EmptyKeyspace();
  if (disk_.tail.has_value()) {
    keyspace = disk_.tail->keyspace;
    keyspace.BeginLog(disk_.tail->end);
    found.history = disk_.tail->history;
    if (disk_.tail->is_numbered && !found.history.empty()) end = disk_.tail->end;
  }
  process_ = std::make_unique<Process>(keyspace);
  process_->state = std::make_unique<ReplicationState>(id_, found, end);
  if (disk_.tail.has_value() && !disk_.tail->is_numbered) {
    // What it has is after all that had numbers, and has a place of its own.
    const uint64_t first = disk_.tail->end;
    process_->state->OpenAnew(found.fence.NextIncarnation(id_), first);
    truth_->OnWritten(process_->state->PositionAt(first), keyspace.digest(), world_->events.now());
    if (!disk_.leads) {
      process_->state->Close(first);
      ForgetPlace();
    }
  }
  cluster::SourceOptions source_options;
  source_options.chunk_bytes = options_.chunk_bytes;
  source_options.copy_bytes_per_second = options_.copy_bytes_per_second;
  source_options.copy_log_bytes = options_.hold_lag;
  source_options.chunk_cost = 0;
  source_options.install_lag_bytes = options_.hold_lag;
  source_options.silence_timeout = Millis(2000);
  source_options.is_clustered = IsClustered();
  process_->source = std::make_unique<ReplicationSource>(source_options, process_->state.get());
  cluster::SinkOptions sink_options;
  sink_options.silence_timeout = Millis(2000);
  sink_options.backoff.longest = Millis(400);
  sink_options.retry_slowly = Millis(1000);
  process_->sink = std::make_unique<ReplicationSink>(std::move(sink_options), process_->state.get(),
                                                     random_.Next());
}

void SimulatedNode::Crash(Loss loss) {
  Trace(absl::StrCat("crashes and loses ", loss == Loss::kNothing ? "nothing"
                                           : loss == Loss::kTail  ? "its tail"
                                                                  : "all"));
  if (loss == Loss::kNothing) {
    disk_.tail = TakeSnapshot();
  } else {
    truth_->OnDataLost(index_, world_->events.now());
  }
  if (loss == Loss::kAll) disk_.tail.reset();
  process_.reset();
  ++process_number_;
  is_paused_ = false;
  world_->network->CutAllOf(index_);
}

void SimulatedNode::Tick() {
  const BootTime now = BootNow();
  process_->sink->Tick(now);
  for (const auto& [link, reason] : process_->source->Overdue(now)) {
    const StreamId stream{static_cast<uint64_t>(link)};
    Trace(absl::StrCat("closes a link: ", cluster::CloseReasonText(reason).data()));
    world_->network->Cut(stream, index_);
    CloseLink(stream);
  }
  if (random_.Below(25) == 0) disk_.tail = TakeSnapshot();
  if (process_->opens_at.has_value() && world_->events.now() >= *process_->opens_at) {
    OpenAfterRestart();
  }
  if (process_->work.empty() && !process_->is_working) process_->is_fencing = false;
  MaybeStopLog();
  CheckStaleness();
  Settle();
  Later(kTickInterval, [this] { Tick(); });
}

// ---- Leading.

std::set<size_t> SimulatedNode::Unheard() const {
  std::set<size_t> unheard;
  for (size_t node = 0; node < nodes_; ++node) {
    if (node != index_ && process_->heard.count(NodeIdOf(node)) == 0) unheard.insert(node);
  }
  return unheard;
}

void SimulatedNode::OpenAfterRestart() {
  process_->opens_at.reset();
  ReplicationState* const state = process_->state.get();
  ReplicationSource* const source = process_->source.get();
  const uint64_t end = process_->keyspace.end();
  if (Has(PlantedFault::kReuseSequences) && state->has_data()) {
    const cluster::History::Beginning last = state->history().beginnings().back();
    cluster::History::Parts earlier = state->history().parts();
    earlier.beginnings.pop_back();
    const cluster::DurableReplication faulty{{}, *cluster::History::Create(earlier), false};
    *process_->state = ReplicationState(
        id_, faulty, earlier.beginnings.empty() ? std::optional<uint64_t>() : last.first);
    earlier.beginnings.empty() ? source->OpenAnew(last.epoch, last.first)
                               : source->Open(last.epoch, last.first);
    return;
  }
  const auto ahead = source->AheadOf(end);
  if (!ahead.empty()) {
    Trace(absl::StrCat("hands over to ", ahead.front().node.low));
    source->HandOverTo(ahead.front().node);
    world_->unheard_at_handover = Unheard();
    disk_.leads = false;
    disk_.follows = static_cast<size_t>(ahead.front().node.low);
    process_->sink->Follow(false, BootNow());
    return;
  }
  const bool is_first = !state->fence().is_set();
  const Epoch epoch = is_first ? Epoch().NextTerm(id_) : state->fence().NextIncarnation(id_);
  const std::set<size_t> unheard = is_first ? std::set<size_t>() : Unheard();
  if (!Open(state->has_data() ? Opening::kGoOn : Opening::kEmpty, epoch)) {
    process_->opens_at = world_->events.now() + kTickInterval;
    return;
  }
  Trace(absl::StrCat("opens its log as ", epoch.ToText()));
  truth_->OnWritten(state->PositionAt(end), process_->keyspace.digest(), world_->events.now());
  const auto lost = truth_->CheckLeader(state->history(), end, unheard);
  if (lost.has_value()) world_->violation(*lost);
}

void SimulatedNode::Promote(const std::set<size_t>& unheard, const Epoch& above) {
  Trace("is promoted");
  process_->state->RaiseFence(above);
  process_->opens_at.reset();
  process_->unheard = unheard;
  process_->promotes = true;
  process_->promotes_to = {};
  if (!process_->state->leads()) process_->sink->Stop();
  Settle();
}

void SimulatedNode::FollowPrimary(size_t source) {
  if (!process_->state->leads() && process_->sink->follows() && disk_.follows == source) return;
  Trace(absl::StrCat("follows ", source));
  GiveUpLeading();
  disk_.leads = false;
  disk_.follows = source;
  process_->sink->Follow(false, BootNow());
  Settle();
}

void SimulatedNode::Fence(const Epoch& epoch) {
  if (process_->state->fence() >= epoch) return;
  Trace(absl::StrCat("is bound to ", epoch.ToText()));
  process_->state->RaiseFence(epoch);
  if (process_->state->leads()) {
    process_->source->Stop(epoch);
  } else {
    process_->sink->Stop();
    disk_.follows.reset();
    process_->is_fencing = true;
  }
  process_->promotes = false;
  process_->waiting.clear();
  Settle();
}

bool SimulatedNode::IsFenced() const {
  return !process_->state->Unsaved().has_value() && !process_->is_fencing;
}

void SimulatedNode::Lead(const Epoch& epoch, const std::set<size_t>& unheard) {
  const bool is_open =
      process_->state->leads() && !process_->source->stopped() && process_->state->fence() == epoch;
  if (is_open || (process_->promotes && process_->promotes_to == epoch)) return;
  process_->unheard = unheard;
  process_->promotes = true;
  process_->promotes_to = epoch;
  if (!process_->state->leads()) process_->sink->Stop();
  Settle();
}

void SimulatedNode::OpenWhenPromoted() {
  Process& process = *process_;
  if (!process.promotes || !process.sink->is_idle()) return;
  if (!process.work.empty() && !Has(PlantedFault::kAckBeforeApply)) return;
  const bool led = process.state->leads();
  if (led && !NumberAnew()) return;
  const bool has_data = process.state->has_data();
  if (!has_data) process.keyspace = EmptyKeyspace();
  const Epoch epoch =
      process.promotes_to.is_set() ? process.promotes_to : process.state->fence().NextTerm(id_);
  if (!Open(has_data ? Opening::kGoOn : Opening::kEmpty, epoch)) return;
  // A process that ends before goes on as what it was.
  disk_.leads = true;
  disk_.follows.reset();
  process.promotes = false;
  process.work.clear();
  if (!has_data) {
    truth_->OnWritten(process.state->PositionAt(process.keyspace.end()), process.keyspace.digest(),
                      world_->events.now());
  }
  Trace(absl::StrCat("leads as ", epoch.ToText()));
  // In a cluster a TAKEOVER may lie between: what it sets aside is lost by right then.
  if (led && !IsClustered()) return;
  const auto lost =
      truth_->CheckLeader(process.state->history(), process.keyspace.end(), process.unheard);
  if (lost.has_value()) world_->violation(*lost);
}

void SimulatedNode::RaiseEpochIfAsked() {
  const std::optional<Epoch> exceed = process_->source->epoch_to_exceed();
  if (IsClustered() && process_->state->leads()) return;
  if (!exceed.has_value() || *exceed < process_->state->fence()) return;
  if (is_open()) {
    if (!NumberAnew()) return;
    Trace(absl::StrCat("raises its epoch above ", exceed->ToText()));
    Open(Opening::kGoOn, std::max(*exceed, process_->state->fence()).NextTerm(id_));
  } else if (!process_->state->leads()) {
    process_->sink->set_exceed(exceed);
  }
}

void SimulatedNode::MaybeStopLog() {
  if (!options_.log_goes_off || !is_open() || !process_->links.empty()) return;
  if (process_->is_log_on && random_.Below(10) == 0) {
    Trace("stops its log");
    process_->is_log_on = false;
    process_->waiting.clear();
  }
}

bool SimulatedNode::NumberAnew() {
  if (process_->is_log_on) return true;
  const bool is_new = !Has(PlantedFault::kLogOffAndOn);
  if (is_new && !Open(Opening::kAnew, process_->state->fence().NextIncarnation(id_))) return false;
  process_->is_log_on = true;
  if (!is_new) return true;
  const uint64_t end = process_->keyspace.end();
  process_->keyspace.BeginLog(end);
  truth_->OnWritten(process_->state->PositionAt(end), process_->keyspace.digest(),
                    world_->events.now());
  Trace("begins its log anew");
  return true;
}

// It wrote without numbers and is replaced: nobody can tell any more that it has what others may
// lose.
void SimulatedNode::ForgetPlace() { truth_->OnDataLost(index_, world_->events.now()); }

void SimulatedNode::GiveUpLeading() {
  process_->opens_at.reset();
  process_->promotes = false;
  process_->source->HandOverTo(std::nullopt);
  if (!process_->state->leads()) return;
  if (!process_->is_log_on) ForgetPlace();
  const bool has_place = NumberAnew();
  process_->source->Close(process_->keyspace.end());
  if (!has_place) process_->state->Forget();
  process_->waiting.clear();
}

void SimulatedNode::Follow(size_t source) {
  Trace(absl::StrCat("is told to follow ", source));
  GiveUpLeading();
  disk_.leads = false;
  disk_.follows = source;
  process_->sink->Follow(true, BootNow());
  Settle();
}

bool SimulatedNode::leads() const { return process_ != nullptr && process_->state->leads(); }

bool SimulatedNode::is_open() const {
  return leads() && !is_paused_ && !process_->source->stopped() && !holds_writes_ &&
         (!IsClustered() || options_.may_act());
}

bool SimulatedNode::is_following() const {
  return process_ != nullptr && !is_paused_ && process_->sink->Report().is_following;
}

std::optional<Position> SimulatedNode::position() const {
  if (process_ == nullptr || !process_->state->has_data()) return std::nullopt;
  return process_->state->PositionAt(process_->keyspace.end());
}

bool SimulatedNode::Write(const ModelRecord& record, size_t replicas) {
  if (!is_open() || IsHeld()) return false;
  Process& process = *process_;
  ModelRecord numbered = record;
  // By its own clock: the clocks of two primaries may be minutes apart.
  versions_ =
      std::max(versions_ + 1, static_cast<uint64_t>(WallNow().time_since_epoch().count()) * nodes_);
  numbered.version = versions_;
  process.keyspace.Commit(std::move(numbered), process.is_log_on);
  if (process.is_log_on) {
    const Position position = process.state->PositionAt(process.keyspace.end());
    truth_->OnWritten(position, process.keyspace.digest(), world_->events.now());
    if (replicas > 0) process.waiting.push_back({world_->events.now(), replicas, position});
  }
  Settle();
  return true;
}

void SimulatedNode::Expire() {
  if (!is_open()) return;
  const int64_t now = WallNow().time_since_epoch().count();
  std::vector<ModelRecord> expired;
  for (uint32_t slot = 0; slot < ModelKeyspace::kSlots; ++slot) {
    for (const auto& [key, entry] : process_->keyspace.entries(slot)) {
      if (entry.expires_at == 0 || entry.expires_at > now) continue;
      ModelRecord record;
      record.kind = ModelRecord::Kind::kExpire;
      record.slot = slot;
      record.key = key;
      expired.push_back(std::move(record));
    }
  }
  for (const ModelRecord& record : expired) {
    if (!Write(record, 0)) return;
  }
}

}  // namespace larder::simulation
