#include "server/replication/replicator.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>
#include <variant>

#include "server/replication/boot_clock.h"
#include "server/replication/empty_feed.h"

namespace larder::server {
namespace {

// How often time passes for the machines when nothing else happens.
constexpr std::chrono::milliseconds kPeriod{20};
// It looks when a copy's next chunk falls due, but not more often than this.
constexpr std::chrono::milliseconds kCopyLookMin{1};
// Messages to one replica before others have their turn.
constexpr int kMessagesInARow = 16;
// A log of fewer does not rest.
constexpr uint64_t kMessagesOfLogMin = 16;
// Writes that waited for room in the log, in one turn.
constexpr size_t kHeldWritesInARow = 256;

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
    replicator_.thread_->PostInTime([&replicator = replicator_, id = id_] {
      const auto link = replicator.links_.find(id);
      if (link != replicator.links_.end()) link->second.can_send = true;
    });
  }
  void OnMessage(cluster::ReplicaMessage message) override {
    replicator_.thread_->PostInTime(
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
            .wake = [this] { thread_->WakeInTime(); },
            .room = [this] { thread_->Wake(); }}),
      state_(options_.node, options_.recovered, std::nullopt),
      source_(options_.source.FittedTo(options_.log_bytes), &state_),
      sink_(options_.sink, &state_, options_.seed),
      data_({.served = parts_.served,
             .keyspace = options_.keyspace,
             .versions = parts_.versions,
             .log = &log_,
             .payload_bytes_max = options_.payload_bytes_max,
             .on_log_closes =
                 [this] {
                   EndAllLinks(absl::UnavailableError("the data is replaced"));
                   state_.Forget();
                   log_clock_.Reset();
                   TellData();
                 },
             .retire = parts_.retire}),
      to_source_(
          parts_.open_stream, [this](TaskThread::Task task) { thread_->Post(std::move(task)); },
          {.on_open =
               [this] {
                 sink_.OnConnected(BootTimeNow());
                 CarryOut();
               },
           .on_message =
               [this](cluster::SourceMessage message) { OnSourceMessage(std::move(message)); },
           .on_closed =
               [this](const absl::Status& why) {
                 owes_read_ = false;
                 sink_.OnDisconnected(why, BootTimeNow());
                 CarryOut();
               }}),
      journal_({.listener = parts_.on_notice, .now = BootTimeNow, .entries = [this] {
                  return parts_.served->Stats().entries;
                }}) {
  published_ = StatusNow(BootTimeNow());
  thread_ = std::make_unique<TaskThread>(kPeriod, [this] { Turn(); });
  parts_.acks->SetOnFirstWait([this] { thread_->Wake(); });
}

Replicator::~Replicator() {
  parts_.acks->SetOnFirstWait(nullptr);
  thread_.reset();
}

void Replicator::Stop() {
  std::promise<void> closed;
  thread_->Post([this, &closed] {
    is_ending_ = true;
    EndAllLinks(absl::UnavailableError("the node ends"));
    CloseSource(absl::UnavailableError("the node ends"));
    log_.Close();  // before the thread that its writers wake
    parts_.held_writes->Close();
    parts_.replicated->Stop();
    closed.set_value();
  });
  closed.get_future().wait();
}

void Replicator::Turn() {
  if (is_ending_) return;
  const cluster::BootTime now = BootTimeNow();
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
  bool goes_on = PumpAll();
  goes_on |= parts_.held_writes->Run(parts_.time->Now(), kHeldWritesInARow);
  if (goes_on) {
    thread_->Wake();
  } else if (log_rests_) {
    thread_->Rest(log_rests_until_);
  }
  if (const auto due_in = source_.ChunkDueIn(); due_in.has_value()) {
    thread_->TurnBy(TaskThread::Clock::now() + std::clamp(*due_in, kCopyLookMin, kPeriod));
  }
  NoteLogEnds(now);
  TellAcks(now);
  journal_.See(sink_.Report());
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
    source_.Connect(id, BootTimeNow());
    links_[id].stream = stream;
  });
  return std::make_shared<LinkEvents>(this, id);
}

void Replicator::OnReplicaMessage(cluster::LinkId id, cluster::ReplicaMessage message) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  journal_.Hears(id, found->second.stream->peer(), message);
  // The first who asks makes a log begin.
  if (std::holds_alternative<cluster::Hello>(message)) {
    if (log_.get() == nullptr && !sink_.follows() && !waits_until_.has_value()) OpenLog();
    if (log_.get() != nullptr) {
      found->second.feed = std::make_unique<KeyspaceFeed>(parts_.served->get(), log_.get());
    }
  }
  if (const absl::Status status = source_.Receive(id, std::move(message), BootTimeNow());
      !status.ok()) {
    return EndLink(id, status);
  }
  found->second.stream->ReadNext();
}

void Replicator::EndLink(cluster::LinkId id, const absl::Status& why) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  journal_.Ends(id, why);
  source_.Disconnect(id, found->second.Feed());
  found->second.stream->Close(why);
  links_.erase(found);
}

void Replicator::EndAllLinks(const absl::Status& why) {
  while (!links_.empty()) EndLink(links_.begin()->first, why);
}

cluster::SourceCondition Replicator::Condition() const {
  cluster::SourceCondition condition{.now = BootTimeNow()};
  condition.shard_time = cluster::ShardTime(parts_.time->Now().time_since_epoch());
  condition.log_rests = log_rests_;
  condition.is_ready = log_.get() != nullptr && (state_.leads() || sink_.is_following());
  if (state_.leads()) {
    if (!source_.stopped()) condition.age = cluster::Millis(0);
  } else {
    condition.age = sink_.Staleness(condition.now);
    condition.upstream = sink_.upstream();
  }
  return condition;
}

bool Replicator::LogMayRest() const {
  // What is written in a rest must not be much of the log, which readers may fall out of.
  if (log_.get() == nullptr || log_.get()->bytes() < kMessagesOfLogMin * options_.message_bytes) {
    return false;
  }
  // Nor is there to be more than one message for anybody.
  const uint64_t behind = source_.UnsentFor(log_.get()->position()) * storage::kLogLineBytes;
  return behind < options_.message_bytes && parts_.acks->waiting() == 0 &&
         parts_.held_writes->waiting() == 0 && work_.empty() &&
         (!source_.IsCopying() || source_.CopiesWaitForPace());
}

bool Replicator::PumpAll() {
  const TaskThread::Clock::time_point now = TaskThread::Clock::now();
  log_rests_ = now < log_rests_until_ && LogMayRest();
  has_sent_log_ = false;
  for (const cluster::LinkId id : source_.InTurn()) Pump(id);
  if (has_sent_log_ && LogMayRest()) {
    log_rests_ = true;
    log_rests_until_ = now + options_.log_rest;
  }
  if (log_rests_) return false;
  bool goes_on = false;
  for (auto& [id, link] : links_) {
    if (link.can_send && link.feed != nullptr) goes_on |= !link.feed->Sleep();
  }
  return goes_on;
}

void Replicator::Pump(cluster::LinkId id) {
  for (int i = 0; i < kMessagesInARow; ++i) {
    const auto found = links_.find(id);
    if (found == links_.end() || !found->second.can_send || !Persist()) return;
    cluster::Outgoing next =
        source_.Next(id, found->second.Feed(), options_.message_bytes, Condition());
    if (source_.stopped() && parts_.authority->Holds()) {
      GiveUpAuthority();
      journal_.IsFenced(state_.fence());
    }
    if (!Persist()) {
      return EndLink(id, absl::UnavailableError("the node's state cannot be written to its disk"));
    }
    if (next.message.has_value()) {
      found->second.can_send = false;
      has_sent_log_ |= std::holds_alternative<cluster::LogBatch>(*next.message);
      journal_.Says(id, *next.message);
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
  sink_.Receive(std::move(message), BootTimeNow());
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
      if (const absl::Status status = LeadNow(); !status.ok()) journal_.CannotLead(status);
      goes_on = true;
    }
  }
  TellData();
}

bool Replicator::Work() {
  bool has_done = false;
  while (!work_.empty()) {
    const cluster::SinkWork& work = work_.front();
    uint64_t applied_to = 0;
    const absl::Status status = data_.Do(work, parts_.time->Now(), &applied_to);
    if (status.ok()) {
      work_.pop_front();
      sink_.OnDone(BootTimeNow());
      has_done = true;
      continue;
    }
    if (work.kind == cluster::SinkWork::Kind::kApply) sink_.OnPartDone(applied_to);
    // Replicas of this node have not read its log. They do, or are cut for it.
    if (absl::IsUnavailable(status)) break;
    work_.clear();
    sink_.OnFailed(status, BootTimeNow());
    return true;
  }
  return has_done;
}

}  // namespace larder::server
