#ifndef LARDER_CLUSTER_REPLICATION_REPLICA_LINK_H_
#define LARDER_CLUSTER_REPLICATION_REPLICA_LINK_H_

#include <cstdint>
#include <optional>
#include <string>

#include "cluster/replication/boot_time.h"
#include "cluster/replication/messages.h"
#include "cluster/replication/replication_feed.h"
#include "cluster/replication/replication_state.h"
#include "cluster/replication/source_options.h"

namespace larder::cluster {

// The source's end of one stream: what the replica was last sent and has acknowledged, and what
// comes next. Not thread-safe; owned by ReplicationSource, whose state outlives it.
// Rule 4: what a chunk has at its position is sent behind the log up to there. The log before it
// has room by what chunks have had, so that chunks have two thirds of the stream however much is
// written; writers are held for it.
class ReplicaLink {
 public:
  ReplicaLink(LinkId id, const SourceOptions* options, const ReplicationState* state,
              SourceCounts* counts, BootTime now);

  LinkId id() const { return id_; }
  const std::optional<Hello>& hello() const { return hello_; }
  bool is_welcome() const { return is_welcome_; }
  bool is_copying() const { return copying_; }
  // It follows: what it acknowledges is a part of the log. Absent: not, or not yet.
  const std::optional<Position>& applied() const { return applied_; }
  BootTime heard_at() const { return heard_at_; }
  const std::optional<BootTime>& acked_at() const { return acked_at_; }

  void ReceiveHello(Hello hello, BootTime now);
  // INVALID_ARGUMENT: it acknowledges what it cannot have.
  absl::Status ReceiveAck(const Ack& ack, BootTime now);
  void CloseNext(CloseReason reason);

  // Decides how the stream goes on. REQUIRES: hello(), state->has_data().
  Welcome Decide(ReplicationFeed* feed, uint64_t copy_id, const SourceCondition& condition);
  // REQUIRES: is_welcome().
  Outgoing Next(ReplicationFeed* feed, uint64_t bytes_max, const SourceCondition& condition);
  LinkReport Report(BootTime now) const;

 private:
  std::optional<CloseReason> ReasonToClose(BootTime now) const;
  std::optional<SourceMessage> NextOfCopy(ReplicationFeed* feed);
  std::optional<SourceMessage> NextOfLog(ReplicationFeed* feed, uint64_t until, uint64_t bytes_max);
  std::optional<EpochBegins> NextEpoch();
  Heartbeat Beat(ReplicationFeed* feed, const SourceCondition& condition);
  void HoldWriters(ReplicationFeed* feed);

  const LinkId id_;
  const SourceOptions* const options_;
  const ReplicationState* const state_;
  SourceCounts* const counts_;

  std::optional<Hello> hello_;
  std::optional<CloseReason> close_;
  bool is_welcome_ = false;
  uint64_t generation_ = 0;  // of the state that was decided by
  uint64_t sent_ = 0;        // the log was sent up to here
  Epoch announced_;          // the last epoch that the replica was told of

  bool copying_ = false;     // the copy's end was not sent yet
  bool installing_ = false;  // it was, but not acknowledged; until then writers are held, too
  uint64_t installed_at_ = 0;
  std::string cursor_;
  std::optional<ReplicationFeed::Copied> copied_;
  std::optional<ReplicationFeed::Chunk> chunk_;  // read, and waiting for the log before it
  uint64_t chunk_bytes_ = 0;                     // of this stream
  uint64_t log_bytes_ = 0;                       // of this stream while copying
  BootTime pulled_at_;

  std::optional<Position> applied_;
  BootTime heard_at_;
  std::optional<BootTime> acked_at_;
  uint64_t heartbeat_asked_ = 0;
  std::optional<BootTime> beat_at_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_REPLICA_LINK_H_
