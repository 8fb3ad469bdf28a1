#ifndef LARDER_CLUSTER_REPLICATION_REPLICA_LINK_H_
#define LARDER_CLUSTER_REPLICATION_REPLICA_LINK_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "cluster/replication/boot_time.h"
#include "cluster/replication/copy_pace.h"
#include "cluster/replication/messages.h"
#include "cluster/replication/replication_feed.h"
#include "cluster/replication/replication_state.h"
#include "cluster/replication/source_options.h"

namespace larder::cluster {

// The source's end of one stream: what the replica was last sent and has acknowledged, and what
// comes next. Not thread-safe; owned by ReplicationSource. `options`, `state`, `counts`, `pace`
// outlive it.
// Rule 4: what a chunk has at its position is sent behind the log up to there, and the copy ends
// where all of it is exact. While a chunk is due the log has room by what chunks have had, half of
// it, so that chunks have two thirds of the stream however much is written; writers are held for
// it. While none is due, since copies keep a pace, the stream is the log's, and a chunk that falls
// due lets pass what was written meanwhile.
class ReplicaLink {
 public:
  ReplicaLink(LinkId id, const SourceOptions* options, const ReplicationState* state,
              SourceCounts* counts, CopyPace* pace, BootTime now);

  LinkId id() const { return id_; }
  const std::optional<Hello>& hello() const { return hello_; }
  bool is_welcome() const { return is_welcome_; }
  bool is_copying() const { return copying_ != Copying::kNot; }
  // It is copying, and when it was last asked for a message its next chunk was not due, or was just
  // letting the log pass.
  bool waits_for_pace() const { return copying_ == Copying::kCopying && waits_for_pace_; }
  uint64_t sent() const { return sent_; }  // the sequence up to which the log was sent
  bool is_closing() const { return close_.has_value(); }
  std::optional<CloseReason> close_reason() const { return close_; }
  // What it has applied of the log. Absent: it is copying, or has not said, or the log is another.
  std::optional<Position> applied() const;
  bool IsInTime(BootTime now) const;

  // INVALID_ARGUMENT: the message cannot come here.
  absl::Status ReceiveHello(Hello hello, BootTime now);
  absl::Status ReceiveAck(const Ack& ack, BootTime now);
  // The next thing to do is to close.
  void CloseNext(CloseReason reason);
  // Why it should be closed now: it is silent, or a copy is not taken.
  std::optional<CloseReason> Overdue(BootTime now) const;

  // How the stream goes on: the first message to send. REQUIRES: hello(), state->has_data().
  Welcome Decide(ReplicationFeed* feed, uint64_t copy_id, const SourceCondition& condition);
  // REQUIRES: is_welcome().
  Outgoing Next(ReplicationFeed* feed, uint64_t bytes_max, const SourceCondition& condition);
  // The stream is gone: nobody is held for it.
  void Release(ReplicationFeed* feed);
  LinkReport Report(BootTime now) const;

 private:
  // Where the data ends that may be sent: a follower sends what it has confirmed.
  uint64_t EndOfData(ReplicationFeed* feed) const;
  Welcome::Kind DecideKind(ReplicationFeed* feed, Welcome* welcome);
  std::optional<SourceMessage> NextMessage(ReplicationFeed* feed, uint64_t bytes_max,
                                           const SourceCondition& condition);
  std::optional<SourceMessage> NextOfCopy(ReplicationFeed* feed, uint64_t bytes_max,
                                          const SourceCondition& condition);
  // The next chunk is due, and what was written while none was is sent; or that takes too long.
  bool IsChunksTurn(ReplicationFeed* feed, BootTime now);
  // What a chunk counts for: a small one, or one that is kept, takes time, too.
  uint64_t CostOf(const ReplicationFeed::Chunk& chunk) const;
  std::optional<SourceMessage> NextOfCopyLog(ReplicationFeed* feed, uint64_t until,
                                             uint64_t bytes_max);
  std::optional<SourceMessage> NextOfLog(ReplicationFeed* feed,
                                         const ReplicationFeed::LogRequest& request);
  CopyChunk TakeChunk(ReplicationFeed* feed);
  std::optional<EpochBegins> NextEpoch();
  std::optional<Heartbeat> NextHeartbeat(ReplicationFeed* feed, const SourceCondition& condition);
  void HoldWriters(ReplicationFeed* feed);

  const LinkId id_;
  const SourceOptions* const options_;
  const ReplicationState* const state_;
  SourceCounts* const counts_;
  CopyPace* const pace_;

  std::optional<Hello> hello_;
  std::optional<CloseReason> close_;
  bool is_welcome_ = false;
  uint64_t generation_ = 0;  // of the data that the decision was about
  uint64_t sent_ = 0;        // the log was sent up to here
  Epoch announced_;          // the last epoch that the replica was told of

  // kCopyEnded: its end was sent, but not that it is installed, and writers are held for it still.
  enum class Copying : uint8_t { kNot, kCopying, kAllSent, kCopyEnded };
  Copying copying_ = Copying::kNot;
  uint64_t copy_end_ = 0;
  uint64_t exact_from_ = 0;  // of all chunks of the copy, of earlier streams too
  std::string cursor_;
  std::optional<ReplicationFeed::Copied> copied_;
  std::optional<ReplicationFeed::Chunk> chunk_;  // read, and waiting for the log before it
  uint64_t chunk_bytes_ = 0;                     // of this stream
  uint64_t chunk_room_ = 0;                      // for the log, by the chunks of this stream
  uint64_t log_bytes_ = 0;                       // read for this stream while a chunk was due
  bool waits_for_pace_ = false;
  struct Due {
    uint64_t log_end = 0;  // of the data that may be sent
    BootTime since;
  };
  std::optional<Due> due_;  // it waits no longer for the pace, but for the log
  BootTime pulled_at_;

  std::optional<Position> applied_;
  BootTime heard_at_;
  std::optional<BootTime> acked_at_;
  uint64_t heartbeat_asked_ = 0;
  std::optional<BootTime> beat_at_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_REPLICA_LINK_H_
