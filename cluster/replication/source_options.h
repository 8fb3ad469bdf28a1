#ifndef LARDER_CLUSTER_REPLICATION_SOURCE_OPTIONS_H_
#define LARDER_CLUSTER_REPLICATION_SOURCE_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/replication/boot_time.h"
#include "cluster/replication/messages.h"

namespace larder::cluster {

// One stream of a replica, as its source numbers them.
enum class LinkId : uint64_t {};

struct SourceOptions {
  std::string endpoint;  // where clients reach the node
  size_t replicas_max = 16;
  // A cluster decides who leads: a fence above this node's epoch is a matter for it
  // (ReplicationSource::epoch_to_exceed), and does not stop the source by itself.
  bool is_clustered = false;
  Millis heartbeat_interval{100};
  // A link that has said nothing for so long, or has not taken what a copy waits for, is cut.
  Millis silence_timeout{5000};
  Millis copy_stall_timeout{1000};
  Millis in_time{1000};  // a replica whose last acknowledgement is older is not in time
  uint64_t chunk_bytes = uint64_t{64} << 10;
  // What all copies of the node may send of their data (CopyPace); 0: all that is taken.
  uint64_t copy_bytes_per_second = 0;
  // A small chunk, or one that is kept, takes as much time as one of so many bytes.
  uint64_t chunk_cost = uint64_t{8} << 10;
  // While a chunk is due the log may have this much of the stream, and half of what chunks have or
  // cost, reckoned with records that are left out; while none is due, all of it.
  uint64_t copy_log_bytes = uint64_t{1} << 20;
  // Behind a copy, until the replica has installed it and caught up, writers stay within this.
  uint64_t install_lag_bytes = uint64_t{16} << 20;

  // For a log of so many bytes: a replica that has installed its copy, for which nobody is held
  // any more, is to be far from falling out of it.
  SourceOptions FittedTo(uint64_t log_bytes) const;
};

// What the node knows now; the shell tells it with each call.
struct SourceCondition {
  BootTime now;
  ShardTime shard_time;
  // 0: a primary with authority. Of a replica: its own staleness. Absent: it cannot tell.
  std::optional<Millis> age;
  std::vector<NodeId> upstream;  // whom it follows, whom that one follows, and so on
  // False: its log is not open yet; or of a replica, what it has is not known to be of its source's
  // history (SinkReport::is_following), so that nobody may be given it for what he has.
  bool is_ready = true;
  // What was written lately has time to be sent, together with what comes: nobody waits for it.
  bool log_rests = false;
};

enum class CloseReason : uint8_t {
  kRefused,
  kFellBehind,    // the log was written over before the link had read it
  kSilent,        // nothing was heard for too long
  kStalled,       // a copy was not taken in time
  kReplaced,      // the same replica has come back on another stream
  kDataReplaced,  // the node's own data was
  kStopped,       // a higher epoch is known
  kProtocol,      // it said what it cannot say
};
std::string_view CloseReasonText(CloseReason reason);

// What to do with a stream: send, close (after sending, if both), or nothing for now.
struct Outgoing {
  std::optional<SourceMessage> message;
  std::optional<CloseReason> close;
};

struct LinkReport {
  LinkId link{};
  NodeId node;
  std::string endpoint;
  bool is_copying = false;
  bool is_in_time = false;  // it follows and has acknowledged lately
  std::optional<Position> applied;
  uint64_t sent = 0;          // the sequence up to which the log was sent
  uint64_t copied_bytes = 0;  // by chunks of this stream
  Millis since_ack{0};
};

// Since the node was started.
struct SourceCounts {
  uint64_t continued = 0;
  uint64_t copied_anew = 0;
  uint64_t copied_onward = 0;
  uint64_t copied_again = 0;
  uint64_t copies_ended = 0;
  uint64_t refused = 0;
  uint64_t fell_behind = 0;
  uint64_t chunk_bytes = 0;
  uint64_t chunks_kept = 0;
  uint64_t copy_log_bytes = 0;  // of the log, in streams that copied
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_SOURCE_OPTIONS_H_
