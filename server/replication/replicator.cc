#include "server/replication/replicator.h"

#include <time.h>

#include <chrono>
#include <future>
#include <utility>

#include "server/replication/empty_feed.h"

namespace larder::server {
namespace {

// How often time passes for the machines when nothing else happens.
constexpr std::chrono::milliseconds kPeriod{20};
// Until what could not be written is tried again.
constexpr cluster::Millis kPersistInterval{200};
// Messages to one replica before others have their turn.
constexpr int kMessagesInARow = 16;
// Writes that waited for room in the log, in one turn.
constexpr size_t kHeldWritesInARow = 256;
constexpr cluster::Millis kPublishInterval{50};
constexpr uint64_t kFirstSequence = 1;

using Opening = cluster::ReplicationState::Opening;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

EmptyFeed empty_feed;

}  // namespace

cluster::ReplicationFeed* Replicator::Link::Feed() const {
  return feed != nullptr ? static_cast<cluster::ReplicationFeed*>(feed.get()) : &empty_feed;
}

// What comes of the stream of one replica, to the replicator's thread.
class Replicator::LinkEvents final : public SourceStreamListener {
 public:
  LinkEvents(Replicator* replicator, cluster::LinkId id) : replicator_(*replicator), id_(id) {}
  void OnCanSend() override {
    replicator_.thread_->Post([&replicator = replicator_, id = id_] {
      const auto link = replicator.links_.find(id);
      if (link != replicator.links_.end()) link->second.can_send = true;
    });
  }
  void OnMessage(cluster::ReplicaMessage message) override {
    replicator_.thread_->Post(
        [&replicator = replicator_, id = id_, message = std::move(message)]() mutable {
          replicator.OnReplicaMessage(id, std::move(message));
        });
  }
  void OnClosed(const absl::Status& why) override {
    replicator_.thread_->Post(
        [&replicator = replicator_, id = id_, why] { replicator.EndLink(id, why); });
  }

 private:
  Replicator& replicator_;
  const cluster::LinkId id_;
};

Replicator::Replicator(ReplicatorOptions options, ReplicatorParts parts)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      log_({.bytes = options_.log_bytes,
            .stripes = options_.keyspace.stripes,
            .wake = [this] { thread_->Wake(); },
            .room = [this] { thread_->Wake(); }}),
      state_(options_.node, options_.recovered, std::nullopt),
      source_(options_.source, &state_),
      sink_(options_.sink, &state_, options_.seed),
      data_({.served = parts_.served,
             .keyspace = options_.keyspace,
             .versions = parts_.versions,
             .log = &log_,
             .on_log_closes =
                 [this] {
                   EndAllLinks(absl::UnavailableError("the data is replaced"));
                   state_.Forget();
                 },
             .retire = parts_.retire}),
      to_source_(
          parts_.open_stream, [this](TaskThread::Task task) { thread_->Post(std::move(task)); },
          {.on_open =
               [this] {
                 sink_.OnConnected(Now());
                 CarryOut();
               },
           .on_message =
               [this](cluster::SourceMessage message) { OnSourceMessage(std::move(message)); },
           .on_closed =
               [this](const absl::Status& why) {
                 owes_read_ = false;
                 sink_.OnDisconnected(std::string(why.message()), Now());
                 CarryOut();
               }}) {
  published_ = StatusNow(Now());
  thread_ = std::make_unique<TaskThread>(kPeriod, [this] { Turn(); });
}

Replicator::~Replicator() { thread_.reset(); }

void Replicator::Stop() {
  std::promise<void> closed;
  thread_->Post([this, &closed] {
    is_ending_ = true;
    EndAllLinks(absl::UnavailableError("the node ends"));
    CloseSource(absl::UnavailableError("the node ends"));
    log_.Close();  // before the thread that its writers wake
    parts_.held_writes->Close();
    closed.set_value();
  });
  closed.get_future().wait();
}

cluster::BootTime Replicator::Now() const {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return cluster::BootTime(cluster::Millis(time.tv_sec * 1000 + time.tv_nsec / 1000000));
}

void Replicator::Turn() {
  if (is_ending_) return;
  const cluster::BootTime now = Now();
  for (const auto& [id, why] : source_.Overdue(now)) {
    EndLink(id, absl::UnavailableError(View(cluster::CloseReasonText(why))));
  }
  if (waits_until_.has_value() && now >= *waits_until_) EndRestartWait();
  ExceedFence();
  sink_.Tick(now);
  CarryOut();
  if (owes_read_ && work_.empty() && Persist()) {
    owes_read_ = false;
    to_source_.ReadNext();
  }
  bool goes_on = false;
  std::vector<cluster::LinkId> ids;
  for (const auto& [id, link] : links_) ids.push_back(id);
  for (const cluster::LinkId id : ids) Pump(id);
  for (auto& [id, link] : links_) {
    if (link.can_send && link.feed != nullptr) goes_on |= !link.feed->Sleep();
  }
  goes_on |= parts_.held_writes->Run(parts_.time->Now(), kHeldWritesInARow);
  if (goes_on) thread_->Wake();
  TellAcks(now);
  if (const auto shard_time = sink_.ShardTimeAt(now); sink_.follows() && shard_time.has_value()) {
    parts_.on_shard_time(storage::TimePoint(shard_time->time_since_epoch()));
  }
  TellLeader();
  Publish(now);
}

// ---- Of the source side.

std::shared_ptr<SourceStreamListener> Replicator::Accept(std::shared_ptr<SourceStream> stream) {
  const cluster::LinkId id{++last_link_};
  thread_->Post([this, id, stream = std::move(stream)] {
    if (is_ending_) return stream->Close(absl::UnavailableError("the node ends"));
    source_.Connect(id, Now());
    links_[id].stream = stream;
  });
  return std::make_shared<LinkEvents>(this, id);
}

void Replicator::OnReplicaMessage(cluster::LinkId id, cluster::ReplicaMessage message) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  // The first who asks makes a log begin.
  if (std::holds_alternative<cluster::Hello>(message)) {
    if (log_.get() == nullptr && !sink_.follows() && !waits_until_.has_value()) OpenLog();
    if (log_.get() != nullptr) {
      found->second.feed = std::make_unique<KeyspaceFeed>(parts_.served->get(), log_.get());
    }
  }
  if (const absl::Status status = source_.Receive(id, std::move(message), Now()); !status.ok()) {
    return EndLink(id, status);
  }
  found->second.stream->ReadNext();
}

void Replicator::OpenLog() {
  storage::Keyspace* const keyspace = parts_.served->get();
  if (keyspace == nullptr) return;
  const auto from = log_.Open(keyspace, kFirstSequence);
  if (!from.ok()) return;
  const cluster::Epoch epoch = goes_on_leading_ ? state_.fence().NextIncarnation(state_.node())
                                                : state_.fence().NextTerm(state_.node());
  // Data that was never numbered is this process' own, which began with none.
  const bool is_first = !state_.has_data();
  if (!Persist(state_.WhenOpened(is_first ? Opening::kEmpty : Opening::kAnew, epoch, *from))) {
    return log_.Close();
  }
  if (is_first) {
    source_.OpenEmpty(epoch, *from);
  } else {
    source_.OpenAnew(epoch, *from);
  }
  goes_on_leading_ = false;
  parts_.acks->Open();
}

void Replicator::GiveUpAuthority() {
  parts_.authority->Set(false);
  parts_.acks->Close();
  // Each stripe's lock was taken once since: no writer is under way that did not see it.
  static_cast<void>(parts_.served->Stats());
}

void Replicator::EndLink(cluster::LinkId id, const absl::Status& why) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  source_.Disconnect(id, found->second.Feed());
  found->second.stream->Close(why);
  links_.erase(found);
}

void Replicator::EndAllLinks(const absl::Status& why) {
  while (!links_.empty()) EndLink(links_.begin()->first, why);
}

cluster::SourceCondition Replicator::Condition() const {
  cluster::SourceCondition condition{.now = Now()};
  condition.shard_time = cluster::ShardTime(parts_.time->Now().time_since_epoch());
  condition.is_ready = log_.get() != nullptr && (state_.leads() || sink_.Report().is_following);
  if (state_.leads()) {
    if (!source_.stopped()) condition.age = cluster::Millis(0);
  } else {
    condition.age = sink_.Staleness(condition.now);
    condition.upstream = sink_.upstream();
  }
  return condition;
}

void Replicator::Pump(cluster::LinkId id) {
  for (int i = 0; i < kMessagesInARow; ++i) {
    const auto found = links_.find(id);
    if (found == links_.end() || !found->second.can_send || !Persist()) return;
    cluster::Outgoing next =
        source_.Next(id, found->second.Feed(), options_.message_bytes, Condition());
    if (source_.stopped() && parts_.authority->Holds()) GiveUpAuthority();
    if (!Persist()) {
      return EndLink(id, absl::UnavailableError("the node's state cannot be written to its disk"));
    }
    if (next.message.has_value()) {
      found->second.can_send = false;
      // Not taken only by one that has ended.
      static_cast<void>(found->second.stream->Send(&*next.message));
    }
    if (next.close.has_value()) {
      return EndLink(id, absl::UnavailableError(View(cluster::CloseReasonText(*next.close))));
    }
    if (!next.message.has_value()) return;
  }
}

// ---- Of the sink side.

void Replicator::CloseSource(const absl::Status& why) {
  to_source_.Close(why);
  owes_read_ = false;
}

void Replicator::OnSourceMessage(cluster::SourceMessage message) {
  const uint64_t stream = to_source_.number();
  sink_.Receive(std::move(message), Now());
  CarryOut();
  // Unless that was the end of the stream.
  if (stream != to_source_.number()) return;
  owes_read_ = !work_.empty() || !Persist();
  if (!owes_read_) to_source_.ReadNext();
}

void Replicator::CarryOut() {
  for (bool goes_on = true; goes_on;) {
    if (!Persist()) return;
    cluster::SinkEffects effects = sink_.TakeEffects();
    if (effects.disconnect) CloseSource(absl::CancelledError("the replica ends the stream"));
    if (effects.connect && !is_ending_) to_source_.Open(source_endpoint_);
    for (cluster::ReplicaMessage& message : effects.sends) to_source_.Send(std::move(message));
    for (cluster::SinkWork& work : effects.work) work_.push_back(std::move(work));
    goes_on = Work();
    if (effects.take_over) {
      static_cast<void>(LeadNow());
      goes_on = true;
    }
  }
}

bool Replicator::Work() {
  bool has_done = false;
  while (!work_.empty()) {
    const cluster::SinkWork& work = work_.front();
    uint64_t applied_to = 0;
    const absl::Status status = data_.Do(work, parts_.time->Now(), &applied_to);
    if (status.ok()) {
      work_.pop_front();
      sink_.OnDone(Now());
      has_done = true;
      continue;
    }
    if (work.kind == cluster::SinkWork::Kind::kApply) sink_.OnPartDone(applied_to);
    // Replicas of this node have not read its log. They do, or are cut for it.
    if (absl::IsUnavailable(status)) break;
    work_.clear();
    sink_.OnFailed(status, Now());
    return true;
  }
  return has_done;
}

// ---- Of both.

void Replicator::ExceedFence() {
  const std::optional<cluster::Epoch>& met = source_.epoch_to_exceed();
  if (!state_.leads()) return sink_.set_exceed(met);
  if (!met.has_value() || *met < state_.fence() || source_.stopped()) return;
  // What is written meanwhile is of the new epoch, of which nobody has heard.
  const cluster::Epoch epoch = met->NextTerm(state_.node());
  const uint64_t first = log_.get()->position();
  if (Persist(state_.WhenOpened(Opening::kGoOn, epoch, first))) source_.Open(epoch, first);
}

bool Replicator::Persist() {
  const auto unsaved = state_.Unsaved();
  return !unsaved.has_value() || Persist(*unsaved);
}

bool Replicator::Persist(const cluster::DurableReplication& state) {
  if (Now() < persist_again_at_) return false;
  if (!parts_.persist(state).ok()) {
    persist_again_at_ = Now() + kPersistInterval;
    return false;
  }
  state_.NoteSaved(state);
  return true;
}

void Replicator::ReplicaOf(std::optional<std::string> bus_endpoint,
                           std::function<void(const absl::Status&)> done) {
  thread_->Post([this, endpoint = std::move(bus_endpoint), done = std::move(done)] {
    has_begun_ = true;
    const absl::Status status =
        endpoint.has_value() ? FollowNow(*endpoint, /*commanded=*/true) : LeadNow();
    TellLeader();
    publish_at_ = {};
    Publish(Now());
    done(status);
  });
}

void Replicator::Begin(Beginning how, const std::string& source) {
  thread_->Post([this, how, source] {
    has_begun_ = true;
    parts_.authority->Set(how == Beginning::kNew);
    if (how == Beginning::kLedBefore) waits_until_ = Now() + options_.restart_wait;
    if (how == Beginning::kFollowedBefore) {
      source_endpoint_ = source;
      sink_.Follow(/*commanded=*/false, Now());
      CarryOut();
    }
    TellLeader();
  });
}

void Replicator::EndRestartWait() {
  const auto ahead = source_.AheadOf(/*end=*/0);
  if (ahead.empty() || ahead.front().bus_endpoint.empty()) {
    waits_until_.reset();
    goes_on_leading_ = true;
    parts_.authority->Set(true);
    return TellLeader();
  }
  // It is told so when it asks again. Whatever comes of it, this node has nothing to lead with.
  source_.HandOverTo(ahead.front().node);
  static_cast<void>(FollowNow(ahead.front().bus_endpoint, /*commanded=*/true));
}

absl::Status Replicator::FollowNow(const std::string& endpoint, bool commanded) {
  if (const absl::Status status = parts_.persist_source(endpoint); !status.ok()) return status;
  waits_until_.reset();
  goes_on_leading_ = false;
  if (sink_.follows()) sink_.Stop();
  CarryOut();
  GiveUpAuthority();
  if (state_.leads()) source_.Close(log_.get()->position());
  source_endpoint_ = endpoint;
  sink_.Follow(commanded, Now());
  CarryOut();
  return absl::OkStatus();
}

absl::Status Replicator::LeadNow() {
  if (!sink_.follows() && !source_.stopped() && !waits_until_.has_value()) return absl::OkStatus();
  if (parts_.served->get() == nullptr) {
    return absl::FailedPreconditionError(
        "this node has no data to lead with: its copy of the primary's is not whole");
  }
  CarryOut();
  if (!work_.empty()) {
    // It waits for those that follow this node.
    EndAllLinks(absl::UnavailableError("the node is to lead"));
    CarryOut();
  }
  // On disk before anything changes: if that fails, the node stays what it is.
  const cluster::Epoch epoch = state_.fence().NextTerm(state_.node());
  const bool has_place = state_.has_data() && log_.get() != nullptr;
  const uint64_t first = has_place ? log_.get()->position() : 0;
  const bool is_saved =
      sink_.is_idle() && Persist(has_place ? state_.WhenOpened(Opening::kGoOn, epoch, first)
                                           : cluster::DurableReplication{epoch, {}, false});
  if (!is_saved || !parts_.persist_source("").ok()) {
    return absl::UnavailableError("the node's state cannot be written; it stays what it is");
  }
  sink_.Stop();
  if (has_place) {
    source_.Open(epoch, first);
    parts_.acks->Open();
  } else {
    // It never was a part of a shard's history, and gets a log when somebody asks for it.
    EndAllLinks(absl::UnavailableError("the node leads now"));
    log_.Close();
    state_.RaiseFence(epoch);
  }
  CarryOut();
  waits_until_.reset();
  parts_.authority->Set(true);
  return absl::OkStatus();
}

ReplicationStatus Replicator::Status() const {
  const storage::MutexLock lock(mutex_);
  return published_;
}

void Replicator::Report(std::function<void(ReplicationStatus)> done) {
  thread_->Post([this, done = std::move(done)] { done(StatusNow(Now())); });
}

void Replicator::Publish(cluster::BootTime now) {
  if (now < publish_at_) return;
  publish_at_ = now + kPublishInterval;
  ReplicationStatus status = StatusNow(now);
  const storage::MutexLock lock(mutex_);
  published_ = std::move(status);
}

void Replicator::TellAcks(cluster::BootTime now) {
  size_t in_time = 0;
  if (state_.leads()) {
    for (size_t replicas = 1; replicas <= options_.source.replicas_max; ++replicas) {
      const uint64_t acked = source_.AckedSequence(replicas);
      if (acked == 0) break;
      parts_.acks->Reach(replicas, acked);
    }
    in_time = source_.ConnectedInTime(now);
  }
  parts_.acks->SetInTime(in_time);
  parts_.acks->TimeOut(parts_.time->Now());
}

void Replicator::TellLeader() {
  Leader leader{.is_here = !sink_.follows() && !source_.stopped() && !waits_until_.has_value()};
  if (sink_.follows()) leader.endpoint = sink_.Report().source_endpoint;
  if (!has_begun_ || told_leader_ == leader) return;
  parts_.on_leader(leader);
  told_leader_ = std::move(leader);
}

ReplicationStatus Replicator::StatusNow(cluster::BootTime now) {
  ReplicationStatus status{.node = state_.node(),
                           .leads = !sink_.follows(),
                           .was_stopped = source_.stopped(),
                           .is_waiting = waits_until_.has_value(),
                           .epoch = state_.fence(),
                           .history = state_.history(),
                           .has_log = log_.get() != nullptr,
                           .log_bytes = options_.log_bytes,
                           .source = sink_.follows() ? source_endpoint_ : "",
                           .sink = sink_.Report(),
                           .staleness = sink_.Staleness(now),
                           .counts = source_.counts()};
  if (status.has_log) {
    status.log_oldest = log_.get()->oldest();
    status.log_end = log_.get()->position();
  }
  if (state_.has_data()) {
    status.position = state_.PositionAt(state_.leads() ? status.log_end : state_.sequence());
  }
  for (cluster::LinkReport& link : source_.Links(now)) {
    const bool is_in_time =
        link.applied.has_value() && !link.is_copying && link.since_ack <= options_.source.in_time;
    status.replicas.push_back({.link = std::move(link), .is_in_time = is_in_time, .lag = {}});
  }
  return status;
}

}  // namespace larder::server
