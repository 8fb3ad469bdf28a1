#include <optional>

#include "client/cli/json.h"

namespace larder::cli {
namespace {

Json EpochJson(const ShardEpoch& epoch) {
  return {
      {"term", epoch.term}, {"incarnation", epoch.incarnation}, {"node", BytesToJson(epoch.node)}};
}

Json PositionJson(const std::optional<LogPosition>& position) {
  if (!position) return {};
  return {{"epoch", EpochJson(position->epoch)}, {"sequence", position->sequence}};
}

Json SecondsJson(const std::optional<absl::Duration>& time) {
  return time ? Json(absl::ToDoubleSeconds(*time)) : Json();
}

Json LagJson(const std::optional<ReplicationLag>& lag) {
  if (!lag) return {};
  return {{"sequences", lag->sequences},
          {"bytes", lag->bytes},
          {"time_seconds", SecondsJson(lag->time)}};
}

Json StateJson(ReplicaState state) { return std::string(ReplicaStateName(state)); }

Json SourceJson(const std::optional<ReplicationSource>& source) {
  if (!source) return {};
  return {{"endpoint", BytesToJson(source->endpoint)},
          {"client_endpoint", BytesToJson(source->client_endpoint)},
          {"node", BytesToJson(source->node)},
          {"state", StateJson(source->state)},
          {"lag", LagJson(source->lag)},
          {"copied_bytes", source->copied_bytes},
          {"staleness_seconds", SecondsJson(source->staleness)},
          {"trouble", BytesToJson(source->trouble)}};
}

Json ReplicaJson(const ReplicaStatus& replica) {
  return {{"node", BytesToJson(replica.node)},
          {"endpoint", BytesToJson(replica.endpoint)},
          {"state", StateJson(replica.state)},
          {"applied", PositionJson(replica.applied)},
          {"lag", LagJson(replica.lag)},
          {"since_ack_seconds", absl::ToDoubleSeconds(replica.since_ack)},
          {"in_time", replica.in_time},
          {"sent_sequence", replica.sent_sequence},
          {"copied_bytes", replica.copied_bytes}};
}

Json CountsJson(const ReplicationCounts& counts) {
  return {{"partial_resyncs", counts.partial_resyncs},
          {"full_copies", counts.full_copies},
          {"resumed_copies", counts.resumed_copies},
          {"repeated_copies", counts.repeated_copies},
          {"completed_copies", counts.completed_copies},
          {"refused", counts.refused},
          {"fell_behind", counts.fell_behind},
          {"copied_bytes", counts.copied_bytes},
          {"chunks_kept", counts.chunks_kept},
          {"copy_log_bytes", counts.copy_log_bytes},
          {"own_partial_resyncs", counts.own_partial_resyncs},
          {"own_full_copies", counts.own_full_copies},
          {"own_resumed_copies", counts.own_resumed_copies},
          {"own_installed_copies", counts.own_installed_copies},
          {"own_dropped_copies", counts.own_dropped_copies},
          {"writers_held", counts.writers_held},
          {"writers_refused", counts.writers_refused}};
}

Json RoleJson(ReplicationResult::Role role) {
  switch (role) {
    case ReplicationResult::Role::kUnknown:
      return "unknown";
    case ReplicationResult::Role::kPrimary:
      return "primary";
    case ReplicationResult::Role::kReplica:
      return "replica";
    case ReplicationResult::Role::kStopped:
      return "stopped";
    case ReplicationResult::Role::kWaiting:
      return "waiting";
  }
  return "unknown";
}

}  // namespace

Json ToJson(const ReplicationResult& replication) {
  Json history = Json::array();
  for (const ReplicationResult::History& epoch : replication.history) {
    history.push_back(
        {{"epoch", EpochJson(epoch.epoch)}, {"first_sequence", epoch.first_sequence}});
  }
  Json replicas = Json::array();
  for (const ReplicaStatus& replica : replication.replicas)
    replicas.push_back(ReplicaJson(replica));
  const ReplicationResult::Log& log = replication.log;
  const FailoverLoss& loss = replication.failover_loss;
  return {{"role", RoleJson(replication.role)},
          {"node", BytesToJson(replication.node)},
          {"epoch", replication.epoch ? EpochJson(*replication.epoch) : Json()},
          {"position", PositionJson(replication.position)},
          {"history", history},
          {"history_forgot", replication.history_forgot},
          {"log",
           {{"is_open", log.is_open},
            {"bytes", log.bytes},
            {"oldest_sequence", log.oldest_sequence},
            {"end_sequence", log.end_sequence},
            {"sequence_bytes", log.sequence_bytes},
            {"writers_waiting", log.writers_waiting},
            {"writers_waiting_bytes", log.writers_waiting_bytes},
            {"held_bytes", log.held_bytes}}},
          {"source", SourceJson(replication.source)},
          {"replicas", replicas},
          {"replicas_in_time", replication.replicas_in_time},
          {"failover_loss",
           {{"everything", loss.everything},
            {"sequences", loss.sequences},
            {"bytes", loss.bytes},
            {"at_least", loss.at_least}}},
          {"counts", CountsJson(replication.counts)}};
}

}  // namespace larder::cli
