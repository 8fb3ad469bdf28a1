#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/messages.h"
#include "client/proto_time.h"

namespace larder {
namespace {

constexpr size_t kDigestBytes = 16;
constexpr size_t kShownDigits = 8;

ShardEpoch EpochOf(const v1::ShardEpoch& epoch) {
  return {.term = epoch.term(), .incarnation = epoch.incarnation(), .node = epoch.node()};
}

LogPosition PositionOf(const v1::LogPosition& position) {
  return {.epoch = EpochOf(position.epoch()), .sequence = position.sequence()};
}

ReplicationLag LagOf(const v1::ReplicationLag& lag) {
  ReplicationLag result{.sequences = lag.sequences(), .bytes = lag.bytes()};
  if (lag.has_time()) result.time = FromProto(lag.time());
  return result;
}

ReplicaState StateOf(v1::ReplicaState state) {
  switch (state) {
    case v1::REPLICA_STATE_DISCONNECTED:
      return ReplicaState::kDisconnected;
    case v1::REPLICA_STATE_CONNECTING:
      return ReplicaState::kConnecting;
    case v1::REPLICA_STATE_COPYING:
      return ReplicaState::kCopying;
    case v1::REPLICA_STATE_FOLLOWING:
      return ReplicaState::kFollowing;
    default:
      return ReplicaState::kUnknown;
  }
}

ReplicationResult::Role RoleOf(v1::NodeRole role) {
  switch (role) {
    case v1::NODE_ROLE_PRIMARY:
      return ReplicationResult::Role::kPrimary;
    case v1::NODE_ROLE_REPLICA:
      return ReplicationResult::Role::kReplica;
    case v1::NODE_ROLE_STOPPED:
      return ReplicationResult::Role::kStopped;
    case v1::NODE_ROLE_WAITING:
      return ReplicationResult::Role::kWaiting;
    default:
      return ReplicationResult::Role::kUnknown;
  }
}

ReplicationSource SourceOf(const v1::ReplicationSourceStatus& source) {
  ReplicationSource result{.endpoint = source.endpoint(),
                           .client_endpoint = source.client_endpoint(),
                           .node = source.node(),
                           .state = StateOf(source.state()),
                           .copied_bytes = source.copied_bytes(),
                           .trouble = source.trouble()};
  if (source.has_lag()) result.lag = LagOf(source.lag());
  if (source.has_staleness()) result.staleness = FromProto(source.staleness());
  return result;
}

ReplicaStatus ReplicaOf(const v1::ReplicaStatus& replica) {
  ReplicaStatus result{.node = replica.node(),
                       .endpoint = replica.endpoint(),
                       .state = StateOf(replica.state()),
                       .since_ack = FromProto(replica.since_ack()),
                       .in_time = replica.in_time(),
                       .sent_sequence = replica.sent_sequence(),
                       .copied_bytes = replica.copied_bytes()};
  if (replica.has_applied()) result.applied = PositionOf(replica.applied());
  if (replica.has_lag()) result.lag = LagOf(replica.lag());
  return result;
}

ReplicationCounts CountsOf(const v1::ReplicationCounts& counts) {
  return {.partial_resyncs = counts.partial_resyncs(),
          .full_copies = counts.full_copies(),
          .resumed_copies = counts.resumed_copies(),
          .repeated_copies = counts.repeated_copies(),
          .completed_copies = counts.completed_copies(),
          .refused = counts.refused(),
          .fell_behind = counts.fell_behind(),
          .copied_bytes = counts.copied_bytes(),
          .chunks_kept = counts.chunks_kept(),
          .copy_log_bytes = counts.copy_log_bytes(),
          .own_partial_resyncs = counts.own_partial_resyncs(),
          .own_full_copies = counts.own_full_copies(),
          .own_resumed_copies = counts.own_resumed_copies(),
          .own_installed_copies = counts.own_installed_copies(),
          .own_dropped_copies = counts.own_dropped_copies(),
          .writers_held = counts.writers_held(),
          .writers_refused = counts.writers_refused()};
}

}  // namespace

std::string ShardEpoch::ToText() const {
  return absl::StrCat(term, ".", incarnation, ".", node.substr(0, kShownDigits));
}

std::string_view ReplicaStateName(ReplicaState state) {
  switch (state) {
    case ReplicaState::kUnknown:
      return "unknown";
    case ReplicaState::kDisconnected:
      return "disconnected";
    case ReplicaState::kConnecting:
      return "connecting";
    case ReplicaState::kCopying:
      return "copying";
    case ReplicaState::kFollowing:
      return "following";
  }
  return "unknown";
}

absl::StatusOr<ReplicaOfResult> FromProto(v1::ReplicaOfResponse&) { return ReplicaOfResult{}; }

absl::StatusOr<ReplicationResult> FromProto(v1::ReplicationResponse& response) {
  ReplicationResult result;
  result.role = RoleOf(response.role());
  result.node = response.node();
  if (response.has_epoch()) result.epoch = EpochOf(response.epoch());
  if (response.has_position()) result.position = PositionOf(response.position());
  for (const v1::HistoryEpoch& epoch : response.history()) {
    result.history.push_back({EpochOf(epoch.epoch()), epoch.first_sequence()});
  }
  result.history_forgot = response.history_forgot();
  result.log = {.is_open = response.log().is_open(),
                .bytes = response.log().bytes(),
                .oldest_sequence = response.log().oldest_sequence(),
                .end_sequence = response.log().end_sequence(),
                .sequence_bytes = response.log().sequence_bytes(),
                .writers_waiting = response.log().writers_waiting(),
                .writers_waiting_bytes = response.log().writers_waiting_bytes(),
                .held_bytes = response.log().held_bytes()};
  if (response.has_source()) result.source = SourceOf(response.source());
  for (const v1::ReplicaStatus& replica : response.replicas()) {
    result.replicas.push_back(ReplicaOf(replica));
  }
  result.replicas_in_time = response.replicas_in_time();
  const v1::FailoverLoss& loss = response.failover_loss();
  result.failover_loss = {.everything = loss.everything(),
                          .sequences = loss.sequences(),
                          .bytes = loss.bytes(),
                          .at_least = loss.at_least()};
  result.counts = CountsOf(response.counts());
  return result;
}

absl::StatusOr<DigestResult> FromProto(v1::DigestResponse& response) {
  if (response.digest().size() != kDigestBytes) {
    return absl::InternalError(absl::StrCat("the answer breaks the contract: a digest of ",
                                            response.digest().size(), " bytes, not ",
                                            kDigestBytes));
  }
  return DigestResult{.digest = response.digest(), .entries = response.entries()};
}

}  // namespace larder
