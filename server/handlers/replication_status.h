#ifndef LARDER_SERVER_HANDLERS_REPLICATION_STATUS_H_
#define LARDER_SERVER_HANDLERS_REPLICATION_STATUS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cluster/replication/boot_time.h"
#include "cluster/replication/departed_replicas.h"
#include "cluster/replication/epoch.h"
#include "cluster/replication/history.h"
#include "cluster/replication/node_id.h"
#include "cluster/replication/position.h"
#include "cluster/replication/sink_effects.h"
#include "cluster/replication/source_options.h"
#include "storage/mutation_record.h"

namespace larder::server {

// How far one node is behind another.
struct ReplicationLag {
  uint64_t sequences = 0;
  uint64_t bytes = 0;  // of the log
  // How long ago the one before had no more than the one behind has. Absent: not known.
  std::optional<cluster::Millis> time;
};

// What would be lost if a node were lost now.
struct FailoverLoss {
  bool everything = false;  // nobody has a copy that could lead; the others are 0 then
  uint64_t sequences = 0;
  uint64_t bytes = 0;  // of the log
  // There may be more: what this node has not heard of; or the replica that has most is not
  // connected, and had so much when it was heard of last.
  bool at_least = false;
};

// A replica, as its source sees it.
struct ReplicaReport {
  cluster::LinkReport link;
  bool is_in_time = false;             // it follows, and has acknowledged lately
  std::optional<cluster::Millis> lag;  // as ReplicationLag::time
};

// Where the replication of a node stands, for operators and metrics: what the machines of
// cluster/replication report, and what only their shell knows. A snapshot.
struct ReplicationStatus {
  // What it does: of the latter two nothing for clients.
  enum class Role : uint8_t { kPrimary, kReplica, kStopped, kWaiting };

  cluster::NodeId node;
  bool leads = true;
  bool was_stopped = false;  // a replica knew of a higher epoch: it does not act as what it was
  bool is_waiting = false;   // it was started again, and waits for replicas that have its data
  cluster::Epoch epoch;      // of the primary of its shard, as far as it knows
  std::optional<cluster::Position> position;
  cluster::History history;

  bool has_log = false;
  uint64_t log_bytes = 0;  // what it can hold
  uint64_t log_oldest = 0;
  uint64_t log_end = 0;
  uint64_t log_held_bytes = 0;  // of values that no entry has any more, and records in it have
  uint32_t sequence_bytes = storage::kLogLineBytes;  // a step of a sequence, in bytes of the log

  // Of a replica. `sink.follows`: it has a source, or would like to.
  std::string source;  // HOST:PORT of the bus that it connects to
  cluster::SinkReport sink;
  std::optional<cluster::Millis> staleness;
  std::optional<cluster::Millis> lag;  // as ReplicationLag::time, behind its source

  // Of a source.
  std::vector<ReplicaReport> replicas;
  std::vector<cluster::DepartedReplicas::Replica> departed;  // as long as the log reaches back
  cluster::SourceCounts counts;
  // Writes that wait for room in the log now, with the bytes of their requests; that did so since
  // the start; of these and of those that came when too many waited, that were refused.
  uint64_t writers_waiting = 0;
  uint64_t writers_waiting_bytes = 0;
  uint64_t writers_held = 0;
  uint64_t writers_refused = 0;

  Role role() const;
  // Of this node behind what its source had at the last heartbeat, be it connected or not. Absent:
  // its data is no part of the source's, or it has not heard of any.
  std::optional<ReplicationLag> LagBehindSource() const;
  // Absent: the data of the replica is no part of this node's stream.
  std::optional<ReplicationLag> LagOf(const ReplicaReport& replica) const;
  // Of one that leads: if it were lost, and the replica took over that has most. Of one that
  // follows: if its source were lost, and it took over itself.
  FailoverLoss LossOfFailover() const;
  // "refused: the source follows this node": why the last stream ended. Empty: none did.
  std::string Trouble() const;
  uint32_t ReplicasInTime() const;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_REPLICATION_STATUS_H_
