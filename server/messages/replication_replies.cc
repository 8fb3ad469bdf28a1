#include <chrono>

#include "larder/v1/admin.pb.h"
#include "server/messages/message_replies.h"

namespace larder::server {
namespace {

using cluster::LinkReport;
using cluster::SinkReport;

void Fill(cluster::Millis time, google::protobuf::Duration* message) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  message->set_seconds(seconds.count());
  message->set_nanos(static_cast<int32_t>(std::chrono::nanoseconds(time - seconds).count()));
}

std::string TextOf(const cluster::NodeId& node) { return node.is_set() ? node.ToText() : ""; }

void Fill(const cluster::Epoch& epoch, v1::ShardEpoch* message) {
  message->set_term(epoch.term);
  message->set_incarnation(epoch.incarnation);
  message->set_node(TextOf(epoch.node));
}

void Fill(const cluster::Position& position, v1::LogPosition* message) {
  Fill(position.epoch, message->mutable_epoch());
  message->set_sequence(position.sequence);
}

void Fill(const ReplicationLag& lag, v1::ReplicationLag* message) {
  message->set_sequences(lag.sequences);
  message->set_bytes(lag.bytes);
  if (lag.time.has_value()) Fill(*lag.time, message->mutable_time());
}

v1::ReplicaState StateOf(const SinkReport& sink) {
  if (sink.is_copying) return v1::REPLICA_STATE_COPYING;
  if (sink.is_following) return v1::REPLICA_STATE_FOLLOWING;
  return sink.is_connected ? v1::REPLICA_STATE_CONNECTING : v1::REPLICA_STATE_DISCONNECTED;
}

v1::ReplicaState StateOf(const LinkReport& link) {
  if (link.is_copying) return v1::REPLICA_STATE_COPYING;
  return link.applied.has_value() ? v1::REPLICA_STATE_FOLLOWING : v1::REPLICA_STATE_CONNECTING;
}

void FillLog(const ReplicationStatus& status, v1::ReplicationLog* message) {
  message->set_is_open(status.has_log);
  message->set_bytes(status.log_bytes);
  message->set_sequence_bytes(status.sequence_bytes);
  message->set_writers_waiting(status.writers_waiting);
  message->set_writers_waiting_bytes(status.writers_waiting_bytes);
  message->set_held_bytes(status.log_held_bytes);
  if (!status.has_log) return;
  message->set_oldest_sequence(status.log_oldest);
  message->set_end_sequence(status.log_end);
}

void FillSource(const ReplicationStatus& status, v1::ReplicationSourceStatus* message) {
  const SinkReport& sink = status.sink;
  message->set_endpoint(status.source);
  message->set_client_endpoint(sink.source_endpoint);
  if (sink.source.has_value()) message->set_node(TextOf(*sink.source));
  message->set_state(StateOf(sink));
  if (const auto lag = status.LagBehindSource()) Fill(*lag, message->mutable_lag());
  message->set_copied_bytes(sink.copied_bytes);
  if (status.staleness.has_value()) Fill(*status.staleness, message->mutable_staleness());
  message->set_trouble(status.Trouble());
}

v1::NodeRole RoleOf(const ReplicationStatus& status) {
  switch (status.role()) {
    case ReplicationStatus::Role::kPrimary:
      return v1::NODE_ROLE_PRIMARY;
    case ReplicationStatus::Role::kReplica:
      return v1::NODE_ROLE_REPLICA;
    case ReplicationStatus::Role::kStopped:
      return v1::NODE_ROLE_STOPPED;
    case ReplicationStatus::Role::kWaiting:
      return v1::NODE_ROLE_WAITING;
  }
  return v1::NODE_ROLE_UNSPECIFIED;
}

void FillReplica(const ReplicationStatus& status, const ReplicaReport& replica,
                 v1::ReplicaStatus* message) {
  const LinkReport& link = replica.link;
  message->set_node(TextOf(link.node));
  message->set_endpoint(link.endpoint);
  message->set_state(StateOf(link));
  if (link.applied.has_value()) Fill(*link.applied, message->mutable_applied());
  if (const auto lag = status.LagOf(replica)) Fill(*lag, message->mutable_lag());
  Fill(link.since_ack, message->mutable_since_ack());
  message->set_in_time(replica.is_in_time);
  message->set_sent_sequence(link.sent);
  message->set_copied_bytes(link.copied_bytes);
}

void FillCounts(const ReplicationStatus& status, v1::ReplicationCounts* message) {
  const cluster::SourceCounts& source = status.counts;
  message->set_partial_resyncs(source.continued);
  message->set_full_copies(source.copied_anew);
  message->set_resumed_copies(source.copied_onward);
  message->set_repeated_copies(source.copied_again);
  message->set_completed_copies(source.copies_ended);
  message->set_refused(source.refused);
  message->set_fell_behind(source.fell_behind);
  message->set_copied_bytes(source.chunk_bytes);
  message->set_chunks_kept(source.chunks_kept);
  message->set_copy_log_bytes(source.copy_log_bytes);
  message->set_own_partial_resyncs(status.sink.continued);
  message->set_own_full_copies(status.sink.copies_begun);
  message->set_own_resumed_copies(status.sink.copies_resumed);
  message->set_own_installed_copies(status.sink.copies_installed);
  message->set_own_dropped_copies(status.sink.copies_dropped);
  message->set_writers_held(status.writers_held);
  message->set_writers_refused(status.writers_refused);
}

}  // namespace

template <>
void ReplicaOfMessageReply::Complete(const ReplicaOfAnswer&) {
  Done();
}

template <>
void ReplicationMessageReply::Complete(const ReplicationAnswer& status) {
  v1::ReplicationResponse& message = *response();
  message.set_role(RoleOf(status));
  message.set_node(TextOf(status.node));
  if (status.epoch.is_set()) Fill(status.epoch, message.mutable_epoch());
  if (status.position.has_value()) Fill(*status.position, message.mutable_position());
  for (const cluster::History::Beginning& beginning : status.history.beginnings()) {
    v1::HistoryEpoch& epoch = *message.add_history();
    Fill(beginning.epoch, epoch.mutable_epoch());
    epoch.set_first_sequence(beginning.first);
  }
  message.set_history_forgot(status.history.parts().forgot);
  FillLog(status, message.mutable_log());
  if (status.sink.follows) FillSource(status, message.mutable_source());
  for (const ReplicaReport& replica : status.replicas) {
    FillReplica(status, replica, message.add_replicas());
  }
  message.set_replicas_in_time(status.ReplicasInTime());
  const FailoverLoss loss = status.LossOfFailover();
  message.mutable_failover_loss()->set_everything(loss.everything);
  message.mutable_failover_loss()->set_sequences(loss.sequences);
  message.mutable_failover_loss()->set_bytes(loss.bytes);
  message.mutable_failover_loss()->set_at_least(loss.at_least);
  FillCounts(status, message.mutable_counts());
  Done();
}

}  // namespace larder::server
