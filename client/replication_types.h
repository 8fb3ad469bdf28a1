#ifndef LARDER_CLIENT_REPLICATION_TYPES_H_
#define LARDER_CLIENT_REPLICATION_TYPES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace larder {

// What Client's calls about replication take and return: plain values, as those of types.h. The
// messages of proto/larder/v1/replication.proto say what each field means in full.

struct ReplicaOfOptions {
  std::optional<absl::Duration> deadline = {};
};

struct ReplicaOfResult {};

struct ReplicationOptions {
  std::optional<absl::Duration> deadline = {};
};

// One opening of a shard's log by one primary.
struct ShardEpoch {
  uint64_t term = 0;
  uint64_t incarnation = 0;
  std::string node;  // 32 hexadecimal digits

  // "3.1.9f86d081": term, incarnation and the first digits of the node.
  std::string ToText() const;
};

// How far the data of a node goes.
struct LogPosition {
  ShardEpoch epoch;
  uint64_t sequence = 0;  // of the next record
};

// How far one node is behind another.
struct ReplicationLag {
  uint64_t sequences = 0;
  uint64_t bytes = 0;                       // of the log
  std::optional<absl::Duration> time = {};  // absent: not known
};

enum class ReplicaState { kUnknown, kDisconnected, kConnecting, kCopying, kFollowing };
// "following".
std::string_view ReplicaStateName(ReplicaState state);

// Whom a replica follows, and how far it has come.
struct ReplicationSource {
  std::string endpoint;         // of its bus
  std::string client_endpoint;  // empty: not known
  std::string node;             // empty: not known
  ReplicaState state = ReplicaState::kUnknown;
  std::optional<ReplicationLag> lag = {};  // absent: its data is no part of the source's
  uint64_t copied_bytes = 0;
  std::optional<absl::Duration> staleness = {};  // absent: not known
  std::string trouble;                           // why the last stream ended
};

// A replica, as its source sees it.
struct ReplicaStatus {
  std::string node;
  std::string endpoint;  // of its client port
  ReplicaState state = ReplicaState::kUnknown;
  std::optional<LogPosition> applied = {};
  std::optional<ReplicationLag> lag = {};
  absl::Duration since_ack;
  bool in_time = false;
  uint64_t sent_sequence = 0;
  uint64_t copied_bytes = 0;
};

// Since the start of the node.
struct ReplicationCounts {
  uint64_t partial_resyncs = 0;
  uint64_t full_copies = 0;
  uint64_t resumed_copies = 0;
  uint64_t repeated_copies = 0;
  uint64_t completed_copies = 0;
  uint64_t refused = 0;
  uint64_t fell_behind = 0;
  uint64_t copied_bytes = 0;
  uint64_t chunks_kept = 0;
  uint64_t copy_log_bytes = 0;
  uint64_t own_partial_resyncs = 0;
  uint64_t own_full_copies = 0;
  uint64_t own_resumed_copies = 0;
  uint64_t own_installed_copies = 0;
  uint64_t own_dropped_copies = 0;
  uint64_t writers_held = 0;
  uint64_t writers_refused = 0;
};

// What would be lost if the node were lost now, or, of a replica, its source.
struct FailoverLoss {
  bool everything = false;
  uint64_t sequences = 0;
  uint64_t bytes = 0;
  bool at_least = false;  // there may be more: the replica that has most is not connected
};

// Where a node stands.
struct ReplicationResult {
  // kStopped: it led, and answers nothing since it heard of a higher epoch. kWaiting: it led, was
  // started again and waits whether a replica has its data.
  enum class Role { kUnknown, kPrimary, kReplica, kStopped, kWaiting };
  struct History {
    ShardEpoch epoch;
    uint64_t first_sequence = 0;
  };
  struct Log {
    bool is_open = false;
    uint64_t bytes = 0;  // what it can hold
    uint64_t oldest_sequence = 0;
    uint64_t end_sequence = 0;
    uint32_t sequence_bytes = 0;
    uint64_t writers_waiting = 0;
    uint64_t writers_waiting_bytes = 0;
    uint64_t held_bytes = 0;
  };

  Role role = Role::kUnknown;
  std::string node;
  std::optional<ShardEpoch> epoch = {};
  std::optional<LogPosition> position = {};
  std::vector<History> history;
  bool history_forgot = false;
  Log log;
  std::optional<ReplicationSource> source = {};
  std::vector<ReplicaStatus> replicas;
  uint32_t replicas_in_time = 0;
  FailoverLoss failover_loss;
  ReplicationCounts counts;
};

struct DigestOptions {
  std::optional<absl::Duration> deadline = {};
  std::optional<uint32_t> slot = {};  // only this one, 0..16383
};

struct DigestResult {
  std::string digest;  // 16 bytes
  uint64_t entries = 0;
};

}  // namespace larder

#endif  // LARDER_CLIENT_REPLICATION_TYPES_H_
