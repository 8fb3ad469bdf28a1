#include "server/handlers/replication_status.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace larder::server {
namespace {

uint64_t StepsBetween(uint64_t from, uint64_t to) { return to - std::min(from, to); }

}  // namespace

ReplicationStatus::Role ReplicationStatus::role() const {
  if (!leads) return Role::kReplica;
  if (was_stopped) return Role::kStopped;
  return is_waiting ? Role::kWaiting : Role::kPrimary;
}

std::optional<ReplicationLag> ReplicationStatus::LagBehindSource() const {
  if (!position.has_value() || sink.is_copying) return std::nullopt;
  // One that has lost its source is behind what it last heard of, if its data is of that history.
  const bool has_followed = sink.source_log_end > 0 && history.Contains(sink.source_epoch);
  if (!sink.is_following && !has_followed) return std::nullopt;
  const uint64_t sequences = StepsBetween(position->sequence, sink.source_log_end);
  return ReplicationLag{.sequences = sequences, .bytes = sequences * sequence_bytes, .time = lag};
}

std::optional<ReplicationLag> ReplicationStatus::LagOf(const ReplicaReport& replica) const {
  if (replica.link.is_copying || !replica.link.applied.has_value()) return std::nullopt;
  const uint64_t sequences = StepsBetween(replica.link.applied->sequence, log_end);
  return ReplicationLag{
      .sequences = sequences, .bytes = sequences * sequence_bytes, .time = replica.lag};
}

FailoverLoss ReplicationStatus::LossOfFailover() const {
  if (sink.follows) {
    const auto behind = LagBehindSource();
    if (!behind.has_value()) return {.everything = true};
    return {.sequences = behind->sequences, .bytes = behind->bytes, .at_least = true};
  }
  std::optional<uint64_t> least;
  for (const ReplicaReport& replica : replicas) {
    const auto behind = LagOf(replica);
    if (!behind.has_value()) continue;
    least = std::min(least.value_or(UINT64_MAX), behind->sequences);
  }
  bool is_departed = false;
  for (const cluster::DepartedReplicas::Replica& replica : departed) {
    const uint64_t behind = StepsBetween(replica.applied.sequence, log_end);
    if (least.has_value() && *least <= behind) continue;
    least = behind;
    is_departed = true;
  }
  if (!least.has_value()) return {.everything = true};
  return {.sequences = *least, .bytes = *least * sequence_bytes, .at_least = is_departed};
}

std::string ReplicationStatus::Trouble() const {
  if (sink.trouble == cluster::SinkTrouble::kNone) return {};
  std::string text(cluster::SinkTroubleText(sink.trouble));
  if (sink.refused.has_value()) {
    absl::StrAppend(&text, ": ", std::string(cluster::RefuseReasonText(*sink.refused)));
  }
  if (!sink.detail.empty()) absl::StrAppend(&text, ": ", sink.detail);
  return text;
}

uint32_t ReplicationStatus::ReplicasInTime() const {
  return static_cast<uint32_t>(
      std::count_if(replicas.begin(), replicas.end(),
                    [](const ReplicaReport& replica) { return replica.is_in_time; }));
}

}  // namespace larder::server
