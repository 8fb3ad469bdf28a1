// What others are told of a node: where it stands, who leads, what is acknowledged.
#include <utility>

#include "server/replication/boot_clock.h"
#include "server/replication/replicator.h"

namespace larder::server {
namespace {

constexpr cluster::Millis kPublishInterval{50};

}  // namespace

ReplicationStatus Replicator::Status() const {
  const storage::MutexLock lock(mutex_);
  return published_;
}

void Replicator::Report(std::function<void(ReplicationStatus)> done) {
  thread_->Post([this, done = std::move(done)] { done(StatusNow(BootTimeNow())); });
}

void Replicator::Publish(cluster::BootTime now) {
  if (now < publish_at_) return;
  publish_at_ = now + kPublishInterval;
  ReplicationStatus status = StatusNow(now);
  const storage::MutexLock lock(mutex_);
  published_ = std::move(status);
}

void Replicator::NoteLogEnds(cluster::BootTime now) {
  if (log_.get() != nullptr) {
    log_clock_.Note(log_.get()->position(), now);
  } else {
    log_clock_.Reset();
  }
  if (sink_.follows()) {
    source_log_clock_.Note(sink_.source_log_end(), now);
  } else {
    source_log_clock_.Reset();
  }
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
  parts_.replicated->TimeOut(parts_.time->Now());
}

void Replicator::TellData() {
  std::optional<ToldData> data;
  const bool leads = !sink_.follows();
  if (leads && has_begun_ && !source_.stopped() && !waits_until_.has_value()) {
    data = {.leads = true,
            .growing = log_.get() != nullptr ? state_.growing() : cluster::GrowingHistory()};
  } else if (!leads && state_.has_data()) {
    data = {.is_of_source = sink_.is_following(), .growing = state_.growing()};
  }
  const bool is_new = data != told_data_;
  told_data_ = data;
  if (!data.has_value()) {
    if (is_new) parts_.replicated->Forget();
    return;
  }
  if (data->leads) {
    if (is_new) parts_.replicated->Lead(data->growing.history());
    return;
  }
  if (is_new) {
    parts_.replicated->Follow(data->growing, state_.sequence(), data->is_of_source);
  } else {
    parts_.replicated->Advance(state_.sequence());
  }
  const cluster::BootTime now = BootTimeNow();
  const std::optional<cluster::Millis> staleness = sink_.Staleness(now);
  parts_.replicated->SetFreshAsOf(staleness.has_value() ? std::optional(now - *staleness)
                                                        : std::nullopt);
}

void Replicator::TellLeader() {
  Leader leader{.is_here = !sink_.follows() && !source_.stopped() && !waits_until_.has_value()};
  if (sink_.follows()) leader.endpoint = sink_.source_endpoint();
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
                           .counts = source_.counts(),
                           .writers_waiting = parts_.held_writes->waiting(),
                           .writers_waiting_bytes = parts_.held_writes->bytes(),
                           .writers_held = parts_.held_writes->held(),
                           .writers_refused = parts_.held_writes->refused()};
  if (status.has_log) {
    status.log_oldest = log_.get()->oldest();
    status.log_end = log_.get()->position();
    status.log_held_bytes = parts_.served->get()->log_held_bytes();
    status.departed = source_.Departed(status.log_oldest);
  }
  if (state_.has_data()) {
    status.position = state_.PositionAt(state_.leads() ? status.log_end : state_.sequence());
    if (sink_.follows()) status.lag = source_log_clock_.LagOf(status.position->sequence, now);
  }
  for (cluster::LinkReport& link : source_.Links(now)) {
    const bool is_in_time =
        link.applied.has_value() && !link.is_copying && link.since_ack <= options_.source.in_time;
    std::optional<cluster::Millis> lag;
    if (link.applied.has_value()) lag = log_clock_.LagOf(link.applied->sequence, now);
    status.replicas.push_back({.link = std::move(link), .is_in_time = is_in_time, .lag = lag});
  }
  return status;
}

}  // namespace larder::server
