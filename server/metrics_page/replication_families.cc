#include "server/metrics_page/replication_families.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <string>

#include "server/metrics_page/family.h"

namespace larder::server {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

double Seconds(cluster::Millis time) { return static_cast<double>(time.count()) / 1000; }

void AddRole(const ReplicationStatus& status, std::vector<MetricFamily>& families) {
  using Role = ReplicationStatus::Role;
  Family roles(
      MetricType::Gauge, "larder_replication_role",
      "1 for what the node is, 0 otherwise. `stopped`: it led and heard of a higher epoch; "
      "`waiting`: it led and was started again.");
  for (const auto& [role, name] :
       {std::pair(Role::kPrimary, "primary"), std::pair(Role::kReplica, "replica"),
        std::pair(Role::kStopped, "stopped"), std::pair(Role::kWaiting, "waiting")}) {
    roles.Add(status.role() == role ? 1 : 0, {{"role", name}});
  }
  families.push_back(roles.Take());
  Single(families, MetricType::Gauge, "larder_replication_term",
         "How often the shard was taken over, as the node knows it; 0: not known.",
         static_cast<double>(status.epoch.term));
  const FailoverLoss loss = status.LossOfFailover();
  Single(
      families, MetricType::Gauge, "larder_replication_failover_loss_bytes",
      "Bytes of the log that would be lost if the node were lost now, as no replica has "
      "acknowledged them; of a replica, if its source were. A replica that has lost its link "
      "counts with what it had, as long as the log reaches back. +Inf: everything.",
      loss.everything ? std::numeric_limits<double>::infinity() : static_cast<double>(loss.bytes));
}

void AddLog(const ReplicationStatus& status, std::vector<MetricFamily>& families) {
  const uint64_t end = status.has_log ? status.log_end : 0;
  // Writers go on between the two readings.
  const uint64_t oldest = status.has_log ? std::min(status.log_oldest, end) : 0;
  Single(families, MetricType::Gauge, "larder_replication_log_limit_bytes",
         "What the mutation log can hold: --log_bytes.", static_cast<double>(status.log_bytes));
  Single(families, MetricType::Gauge, "larder_replication_log_bytes",
         "What the mutation log holds; 0 while it is not open.",
         static_cast<double>((end - oldest) * status.sequence_bytes));
  Single(families, MetricType::Gauge, "larder_replication_log_held_bytes",
         "Memory of large values that no entry has any more, and records in the mutation log still "
         "have.",
         static_cast<double>(status.log_held_bytes));
  Single(families, MetricType::Gauge, "larder_replication_log_oldest_sequence",
         "From where on the mutation log has every record; 0 while it is not open.",
         static_cast<double>(oldest));
  Single(families, MetricType::Gauge, "larder_replication_log_end_sequence",
         "Where the mutation log ends; 0 while it is not open.", static_cast<double>(end));
  Single(families, MetricType::Counter, "larder_replication_writers_held_total",
         "Writes that waited for room in the mutation log.",
         static_cast<double>(status.writers_held));
  Single(families, MetricType::Counter, "larder_replication_writers_refused_total",
         "Writes that were refused, as the log had no room in time or too many waited for it.",
         static_cast<double>(status.writers_refused));
  Single(families, MetricType::Gauge, "larder_replication_writers_waiting",
         "Writes that wait for room in the mutation log.",
         static_cast<double>(status.writers_waiting));
  Single(families, MetricType::Gauge, "larder_replication_writers_waiting_bytes",
         "Bytes of the requests of those.", static_cast<double>(status.writers_waiting_bytes));
}

// The three ways to say how far somebody is behind.
class LagFamilies {
 public:
  LagFamilies(const std::string& stem, const std::string& who)
      : bytes_(MetricType::Gauge, stem + "_lag_bytes", "Bytes of the log that " + who + " lacks."),
        sequences_(MetricType::Gauge, stem + "_lag_sequences",
                   "Steps of the sequence that " + who + " lacks."),
        seconds_(MetricType::Gauge, stem + "_lag_seconds",
                 "How long ago all was there that " + who + " has.") {}

  void Add(const std::optional<ReplicationLag>& lag, const Family::Labels& labels) {
    if (!lag.has_value()) return;
    bytes_.Add(static_cast<double>(lag->bytes), labels);
    sequences_.Add(static_cast<double>(lag->sequences), labels);
    if (lag->time.has_value()) seconds_.Add(Seconds(*lag->time), labels);
  }

  void TakeTo(std::vector<MetricFamily>& families) {
    families.push_back(bytes_.Take());
    families.push_back(sequences_.Take());
    families.push_back(seconds_.Take());
  }

 private:
  Family bytes_;
  Family sequences_;
  Family seconds_;
};

void AddReplicas(const ReplicationStatus& status, std::vector<MetricFamily>& families) {
  // One that comes back may have two streams for a moment; the last one counts, since no two series
  // may be the same.
  std::map<cluster::NodeId, const ReplicaReport*> replicas;
  for (const ReplicaReport& replica : status.replicas) {
    if (replica.link.node.is_set()) replicas[replica.link.node] = &replica;
  }
  size_t copying = 0;
  LagFamilies lags("larder_replication_replica", "a replica");
  Family copied(MetricType::Gauge, "larder_replication_replica_copied_bytes",
                "Bytes that the copy on its stream has sent to a replica: entries and headers of "
                "chunks.");
  Family silence(MetricType::Gauge, "larder_replication_replica_silence_seconds",
                 "Time since the last acknowledgement of a replica.");
  for (const auto& [node, replica] : replicas) {
    const Family::Labels labels = {{"replica", replica->link.endpoint}, {"node", node.ToText()}};
    copying += replica->link.is_copying ? 1 : 0;
    lags.Add(status.LagOf(*replica), labels);
    copied.Add(static_cast<double>(replica->link.copied_bytes), labels);
    silence.Add(Seconds(replica->link.since_ack), labels);
  }
  families.push_back(
      Family(MetricType::Gauge, "larder_replication_replicas",
             "Replicas with a stream, by whether they take a full copy.")
          .Add(static_cast<double>(copying), {{"copying", "true"}})
          .Add(static_cast<double>(replicas.size() - copying), {{"copying", "false"}})
          .Take());
  Single(families, MetricType::Gauge, "larder_replication_replicas_in_time",
         "Replicas that follow and have acknowledged within --replica_in_time.",
         status.ReplicasInTime());
  lags.TakeTo(families);
  families.push_back(copied.Take());
  families.push_back(silence.Take());
}

void AddSource(const ReplicationStatus& status, std::vector<MetricFamily>& families) {
  const cluster::SinkReport& sink = status.sink;
  Family connected(MetricType::Gauge, "larder_replication_source_connected",
                   "Whether a replica has a stream of its source; no series: it has no source.");
  Family copied(MetricType::Gauge, "larder_replication_source_copied_bytes",
                "Bytes that the full copy under way has taken: entries and headers of chunks.");
  Family staleness(MetricType::Gauge, "larder_replication_staleness_seconds",
                   "How old the data of a replica may be; no series: not known.");
  LagFamilies lags("larder_replication_source", "this node");
  if (sink.follows) {
    connected.Add(sink.is_connected ? 1 : 0);
    copied.Add(static_cast<double>(sink.copied_bytes));
    if (status.staleness.has_value()) staleness.Add(Seconds(*status.staleness));
    lags.Add(status.LagBehindSource(), {});
  }
  families.push_back(connected.Take());
  lags.TakeTo(families);
  families.push_back(copied.Take());
  families.push_back(staleness.Take());
}

void AddCounts(const ReplicationStatus& status, std::vector<MetricFamily>& families) {
  const cluster::SourceCounts& counts = status.counts;
  const auto counter = [&families](const char* name, const char* help, uint64_t value) {
    Single(families, MetricType::Counter, name, help, static_cast<double>(value));
  };
  families.push_back(
      Family(MetricType::Counter, "larder_replication_resyncs_total",
             "Streams of replicas, by how they began: partial goes on where the replica was, full "
             "copies all, resumed goes on with a copy that was cut, repeated copies what has "
             "changed.")
          .Add(static_cast<double>(counts.continued), {{"kind", "partial"}})
          .Add(static_cast<double>(counts.copied_anew), {{"kind", "full"}})
          .Add(static_cast<double>(counts.copied_onward), {{"kind", "resumed"}})
          .Add(static_cast<double>(counts.copied_again), {{"kind", "repeated"}})
          .Take());
  counter("larder_replication_copies_completed_total", "Copies that were sent as a whole.",
          counts.copies_ended);
  counter("larder_replication_copied_bytes_total",
          "Bytes that were sent by copies: entries and headers of chunks.", counts.chunk_bytes);
  counter("larder_replication_copy_chunks_kept_total",
          "Pieces of copies that the replica had from before.", counts.chunks_kept);
  counter("larder_replication_copy_log_bytes_total",
          "Bytes of the log that were sent in streams while they copied.", counts.copy_log_bytes);
  counter("larder_replication_refused_total", "Replicas that were refused.", counts.refused);
  counter("larder_replication_fell_behind_total",
          "Streams cut as the log was written over before they had read it.", counts.fell_behind);
  families.push_back(
      Family(MetricType::Counter, "larder_replication_own_resyncs_total",
             "The same of this node as a replica; a repeated one counts as resumed.")
          .Add(static_cast<double>(status.sink.continued), {{"kind", "partial"}})
          .Add(static_cast<double>(status.sink.copies_begun), {{"kind", "full"}})
          .Add(static_cast<double>(status.sink.copies_resumed), {{"kind", "resumed"}})
          .Take());
  counter("larder_replication_copies_installed_total",
          "Copies that took the place of the data of this node.", status.sink.copies_installed);
  counter("larder_replication_copies_dropped_total",
          "Copies that this node gave up before they were whole.", status.sink.copies_dropped);
}

}  // namespace

void AddReplication(const ReplicationStatus& status, std::vector<MetricFamily>& families) {
  AddRole(status, families);
  AddLog(status, families);
  AddReplicas(status, families);
  AddSource(status, families);
  AddCounts(status, families);
}

}  // namespace larder::server
