// What a node is: it leads, follows, or waits; and what of that is on disk.
#include <future>
#include <utility>

#include "server/replication/boot_clock.h"
#include "server/replication/replicator.h"

namespace larder::server {
namespace {

// Until what could not be written is tried again.
constexpr cluster::Millis kPersistInterval{200};
constexpr uint64_t kFirstSequence = 1;
// Of one that was stopped before it was started again: it has no data that is numbered.
constexpr uint64_t kNoSequence = 0;

using Opening = cluster::ReplicationState::Opening;

}  // namespace

void Replicator::ReplicaOf(std::optional<std::string> bus_endpoint,
                           std::function<void(const absl::Status&)> done) {
  thread_->Post([this, endpoint = std::move(bus_endpoint), done = std::move(done)] {
    has_begun_ = true;
    const absl::Status status =
        endpoint.has_value() ? FollowNow(*endpoint, /*commanded=*/true) : LeadNow();
    TellLeader();
    publish_at_ = {};
    Publish(BootTimeNow());
    done(status);
  });
}

void Replicator::Begin(Beginning how, const std::string& source) {
  std::promise<void> begun;
  thread_->Post([this, how, &source, &begun] {
    has_begun_ = true;
    if (how == Beginning::kNew) TellData();
    parts_.authority->Set(how == Beginning::kNew);
    if (how == Beginning::kLedBefore && state_.fence().node == state_.node()) {
      waits_until_ = BootTimeNow() + options_.restart_wait;
      journal_.Waits(options_.restart_wait);
    } else if (how == Beginning::kLedBefore) {
      // It was stopped for another's epoch, which no start of this node ends.
      source_.Stop(state_.fence());
      journal_.IsFenced(state_.fence());
    }
    if (how == Beginning::kFollowedBefore) {
      source_endpoint_ = source;
      journal_.Follows(source, /*commanded=*/false);
      sink_.Follow(/*commanded=*/false, BootTimeNow());
      CarryOut();
    }
    TellLeader();
    publish_at_ = {};
    Publish(BootTimeNow());
    begun.set_value();
  });
  begun.get_future().wait();
}

void Replicator::EndRestartWait() {
  const auto ahead = source_.AheadOf(/*end=*/0);
  if (ahead.empty() || ahead.front().bus_endpoint.empty()) {
    waits_until_.reset();
    goes_on_leading_ = true;
    TellData();
    parts_.authority->Set(true);
    journal_.LeadsAgain();
    return TellLeader();
  }
  // It is told so when it asks again. Whatever comes of it, this node has nothing to lead with.
  source_.HandOverTo(ahead.front().node);
  journal_.HandsOver(ahead.front());
  const absl::Status status = FollowNow(ahead.front().bus_endpoint, /*commanded=*/true);
  if (!status.ok()) journal_.CannotPersist(status);
}

absl::Status Replicator::FollowNow(const std::string& endpoint, bool commanded) {
  if (const absl::Status status = parts_.persist_source(endpoint); !status.ok()) return status;
  waits_until_.reset();
  goes_on_leading_ = false;
  if (sink_.follows()) sink_.Stop();
  CarryOut();
  GiveUpAuthority();
  if (state_.leads()) {
    source_.Close(log_.get()->position());
  } else if (source_.stopped()) {
    source_.Close(kNoSequence);
  }
  source_endpoint_ = endpoint;
  journal_.Follows(endpoint, commanded);
  sink_.Follow(commanded, BootTimeNow());
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
    if (source_.stopped()) source_.Close(kNoSequence);
  }
  waits_until_.reset();
  CarryOut();
  TellData();
  parts_.authority->Set(true);
  journal_.Leads(epoch, first);
  return absl::OkStatus();
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
  TellData();
  parts_.acks->Open();
  journal_.OpensLog(epoch, *from);
}

void Replicator::GiveUpAuthority() {
  parts_.authority->Set(false);
  parts_.acks->Close();
  // Each stripe's lock was taken once since: no writer is under way that did not see it.
  static_cast<void>(parts_.served->Stats());
}

void Replicator::ExceedFence() {
  const std::optional<cluster::Epoch>& met = source_.epoch_to_exceed();
  if (!state_.leads()) return sink_.set_exceed(met);
  if (!met.has_value() || *met < state_.fence() || source_.stopped()) return;
  // What is written meanwhile is of the new epoch, of which nobody has heard.
  const cluster::Epoch epoch = met->NextTerm(state_.node());
  // A write that is under way may be of either epoch, and tells no position.
  parts_.replicated->Forget();
  told_data_.reset();
  const uint64_t first = log_.get()->position();
  if (Persist(state_.WhenOpened(Opening::kGoOn, epoch, first))) {
    journal_.ExceedsFence(*met, epoch, first);
    source_.Open(epoch, first);
  }
  TellData();
}

bool Replicator::Persist() {
  const auto unsaved = state_.Unsaved();
  return !unsaved.has_value() || Persist(*unsaved);
}

bool Replicator::Persist(const cluster::DurableReplication& state) {
  if (BootTimeNow() < persist_again_at_) return false;
  if (const absl::Status status = parts_.persist(state); !status.ok()) {
    journal_.CannotPersist(status);
    persist_again_at_ = BootTimeNow() + kPersistInterval;
    return false;
  }
  state_.NoteSaved(state);
  return true;
}

}  // namespace larder::server
