#ifndef LARDER_CLUSTER_REPLICATION_MESSAGES_H_
#define LARDER_CLUSTER_REPLICATION_MESSAGES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cluster/replication/boot_time.h"
#include "cluster/replication/epoch.h"
#include "cluster/replication/history.h"
#include "cluster/replication/node_id.h"
#include "cluster/replication/position.h"

// What a replica and its source say to each other on one stream, in order. Payloads and cursors are
// bytes that the machines pass on. A history from the wire goes through History::Create.
namespace larder::cluster {

inline constexpr uint32_t kReplicationVersion = 1;
// No chain of replicas is longer; one that seems to be is a ring.
inline constexpr size_t kChainMax = 16;

// ---- From the replica to its source.

// A copy that was cut, as far as it came.
struct CopyProgress {
  uint64_t copy_id = 0;  // the source's number for it
  Position position;     // up to here the log was applied to what was copied
  std::string cursor;    // the next thing to copy; all before it is copied
  // From `cursor` to here lies what an earlier pass copied, as of `older_position`. Absent: none.
  std::optional<Position> older_position;
  std::string older_cursor;
  // Where the last of it was read, `position` or behind: from here on what was copied is exact, and
  // before only with the very log that it was copied beside.
  Position exact_from;
};

// The first message of a stream.
struct Hello {
  uint32_t version = kReplicationVersion;
  NodeId node;
  std::string endpoint;      // where clients reach the replica, for the source to tell
  std::string bus_endpoint;  // where nodes do; empty: it has not said
  // It neither applies nor acknowledges anything of a lower epoch.
  Epoch fence;
  // An operator has said whom to follow since it last followed anybody: its data may be given up.
  bool commanded = false;
  // The log from its position on leads to more than it can hold: a copy is to come instead.
  bool wants_copy = false;
  std::optional<Position> position;  // absent: it has no data
  History history;
  std::optional<CopyProgress> copy;
};

struct Ack {
  // What it has applied. Absent: its data is not a part of this stream, since a copy is under way.
  std::optional<Position> applied;
  // The newest heartbeat that it asks for; numbers rise. 0: none yet.
  uint64_t heartbeat_asked = 0;
  std::optional<uint64_t> copied_position;  // the sequence that its copy has applied up to
  uint64_t copied_bytes = 0;                // payloads of its chunks
  // A fence that it, or one behind it, has met: the primary should draw an epoch above it.
  std::optional<Epoch> exceed;
};

// ---- From the source to its replica.

// The first message of a stream, unless it is Refuse.
struct Welcome {
  enum class Kind : uint8_t {
    kContinue,    // the log goes on from `from`
    kCopyAnew,    // a full copy from its beginning; what was copied before is void
    kCopyOnward,  // the copy goes on where it was cut: at `cursor`, with the log from `from`
    // The copy begins again, but what was copied before may be kept where a chunk says so.
    kCopyAgain,
  };
  Kind kind = Kind::kContinue;
  NodeId node;
  std::string endpoint;
  Epoch epoch;      // of the primary at the head of the chain, as the source knows it
  History history;  // up to where the stream begins
  uint64_t from = 0;
  uint64_t copy_id = 0;
  std::string cursor;
  uint64_t data_bytes = 0;    // of memory that all the source has takes, at least
  std::vector<NodeId> chain;  // the source, whom it follows, and so on
  std::string detail;         // for people: why it does not continue
};

struct Refuse {
  enum class Reason : uint8_t {
    kVersion,          // it speaks another version
    kSelf,             // it has the source's own node id
    kCycle,            // the source follows it, directly or through others
    kFenced,           // its fence is above the source's epoch
    kTooManyReplicas,  // the source has as many as may be
    kNotReady,         // the source is copying, has no data, or has not opened its log: try again
    kRestartedEmpty,   // the source began empty and would wipe data that it never had
    kTakeOver,         // the replica has more than the source, which steps back: it should lead
    kStopped,          // the source has been told of a higher epoch
  };
  Reason reason = Reason::kNotReady;
  std::string detail;
  Epoch epoch;  // the source's
};

// The records from `first` on are of this epoch. Comes before the first of them.
struct EpochBegins {
  Epoch epoch;
  uint64_t first = 0;
};

// Records. During a copy, those of what is not copied yet may be left out.
struct LogBatch {
  uint64_t from = 0;
  uint64_t to = 0;
  std::string payload;
};

// What lies from `begin` to `end`, in the cursor's order, whole, as it is at `position`, or some of
// it later. It replaces what the copy has there.
struct CopyChunk {
  std::string begin;
  std::string end;
  uint64_t position = 0;
  bool keep = false;  // what the copy has there from before is right; there is no payload
  std::string payload;
  uint64_t exact_from = 0;  // none of it was read behind here. Below `position`: nor behind that
};

// The copy is whole as it is at `position`.
struct CopyEnd {
  uint64_t position = 0;
};

struct Heartbeat {
  uint64_t number = 0;  // the newest that was asked for when it was sent
  ShardTime shard_time;
  uint64_t log_end = 0;  // as the source has it
  // What the source has was all there was so long before it sent this; 0 at a primary with
  // authority. Absent: it cannot tell.
  std::optional<Millis> age;
  std::vector<NodeId> chain;  // as in Welcome
};

using ReplicaMessage = std::variant<Hello, Ack>;
using SourceMessage =
    std::variant<Welcome, Refuse, EpochBegins, LogBatch, CopyChunk, CopyEnd, Heartbeat>;

// "kept apart by a fence", for logs and errors.
std::string_view RefuseReasonText(Refuse::Reason reason);
// "LogBatch 100..180 (12 bytes)": one line, without any payload.
std::string MessageText(const ReplicaMessage& message);
std::string MessageText(const SourceMessage& message);

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_MESSAGES_H_
