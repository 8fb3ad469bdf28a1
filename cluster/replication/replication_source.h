#ifndef LARDER_CLUSTER_REPLICATION_REPLICATION_SOURCE_H_
#define LARDER_CLUSTER_REPLICATION_REPLICATION_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "cluster/replication/boot_time.h"
#include "cluster/replication/departed_replicas.h"
#include "cluster/replication/messages.h"
#include "cluster/replication/replica_link.h"
#include "cluster/replication/replication_feed.h"
#include "cluster/replication/replication_state.h"
#include "cluster/replication/source_options.h"

namespace larder::cluster {

// Feeds the replicas of one node, be it a primary or itself a replica. Not thread-safe. Owns the
// links; the state is shared with the node's sink and outlives it. The shell gives it what streams
// bring, and asks it for the next message whenever a stream can take one.
class ReplicationSource {
 public:
  ReplicationSource(SourceOptions options, ReplicationState* state)
      : options_(std::move(options)),
        state_(state),
        pace_(options_.copy_bytes_per_second),
        departed_(options_.replicas_max) {}
  ReplicationSource(const ReplicationSource&) = delete;
  ReplicationSource& operator=(const ReplicationSource&) = delete;

  // ---- The node leads, or does not. As ReplicationState, which is told.
  void Open(const Epoch& epoch, uint64_t first);
  void OpenAnew(const Epoch& epoch, uint64_t first);
  void OpenEmpty(const Epoch& epoch, uint64_t first);
  // The node leads no more, but will follow: replicas that it feeds may stay.
  void Close(uint64_t end);
  // A higher epoch is known: from now on it feeds and acknowledges nothing, until it opens or
  // closes. The same happens by itself, in Next, when a replica of the same history says so.
  void Stop(const Epoch& epoch);
  // To be asked after each Next, and by whoever would raise the epoch: one that was stopped leads
  // no more. It takes no writes and answers no plain reads until an operator says what it is.
  bool stopped() const { return stopped_; }
  // The highest fence above its own epoch of somebody who was told to follow. A primary draws an
  // epoch above it and opens that; any other passes it on (ReplicationSink::set_exceed).
  const std::optional<Epoch>& epoch_to_exceed() const { return epoch_to_exceed_; }

  // ---- Links. Ids are the shell's and are not used again.
  void Connect(LinkId link, BootTime now);
  void Disconnect(LinkId link, ReplicationFeed* feed);
  // INVALID_ARGUMENT: the message cannot come here; the next thing to do with the link is to close.
  absl::Status Receive(LinkId link, ReplicaMessage message, BootTime now);
  // What to send next. `feed` is the link's own.
  Outgoing Next(LinkId link, ReplicationFeed* feed, uint64_t bytes_max,
                const SourceCondition& condition);
  // Links to close now, also where the stream takes nothing.
  std::vector<std::pair<LinkId, CloseReason>> Overdue(BootTime now) const;

  // ---- Acknowledgement.
  // All before it was applied by so many replicas under this epoch; 0: not known. Never falls,
  // until the node opens another log or leads no more.
  uint64_t AckedSequence(size_t replicas) const;
  // Of these replicas alone acknowledgements count, from now on; absent: of all.
  void SetAble(std::optional<std::set<NodeId>> able);
  // How many replicas follow (are not copying) and have acknowledged lately.
  size_t ConnectedInTime(BootTime now) const;
  // Some replica is being copied to, or has yet to say that the copy is installed.
  bool IsCopying() const;
  // Likewise, but no chunk has its turn at anybody.
  bool CopiesWaitForPace() const;
  // How long until the next chunk falls due to a copy that waits for it; the next look should be
  // within CopyPace::kMadeUp then. Absent: none waits.
  std::optional<Millis> ChunkDueIn() const;
  // Links in the order in which they should be asked for a message: whoever had the last chunk
  // comes last.
  std::vector<LinkId> InTurn() const;
  // Of a log that ends there, what was not sent to the link that was sent least. 0: nobody follows.
  uint64_t UnsentFor(uint64_t end) const;

  // ---- After a restart, before the log is opened (SourceCondition::is_ready is false).
  // Who asked and has what this node has, up to `end`, and more; the one with most first.
  struct Ahead {
    NodeId node;
    Position position;
    std::string bus_endpoint;
  };
  std::vector<Ahead> AheadOf(uint64_t end) const;
  // This one is told to lead when it asks again, if it has more then; the node will not lead before
  // it is opened. Nullopt: nobody is, since an operator has said what is to be done.
  void HandOverTo(const std::optional<NodeId>& node) { hand_over_to_ = node; }

  // ---- For operators and metrics.
  std::vector<LinkReport> Links(BootTime now) const;
  const SourceCounts& counts() const { return counts_; }
  // What of this node's data others had that have no stream now, or copy; what lies before
  // `log_oldest` is forgotten.
  std::vector<DepartedReplicas::Replica> Departed(uint64_t log_oldest) const;

 private:
  struct Asked {
    Position position;
    History history;
    std::string bus_endpoint;
  };

  std::optional<Refuse> ReasonToRefuse(const Hello& hello, const SourceCondition& condition);
  // Of a node that does not lead: the replica is to lead instead.
  std::optional<Refuse> ReasonByHandOver(const Hello& hello);
  std::optional<Refuse> ReasonByEpoch(const Hello& hello);
  std::optional<Refuse> ReasonByData(const Hello& hello, const SourceCondition& condition);
  // It went on from what this node has, if that is anything.
  bool IsAhead(const Position& position, const History& history, uint64_t end) const;
  // Likewise; or it is of an epoch that this node knew of (its fence says so) and has lost.
  bool HasMore(const Position& position, const History& history, uint64_t end) const;
  Refuse RefuseFor(Refuse::Reason reason, std::string detail) const;
  size_t OthersWelcome(const NodeId& node) const;
  void NoteAcks();
  // Of the data that the node has now.
  DepartedReplicas& DepartedNow();
  // As it says itself, on a stream that is welcome.
  void NoteDeparted(const Hello& hello);
  void NoteOpened();

  const SourceOptions options_;
  ReplicationState* const state_;
  CopyPace pace_;
  LinkId last_copied_{};  // whom the last chunk was sent to
  std::map<LinkId, ReplicaLink> links_;
  std::map<NodeId, Asked> asked_;
  DepartedReplicas departed_;
  uint64_t departed_generation_ = 0;  // of the data that they have a part of
  std::vector<uint64_t> acked_;       // by number of replicas, less one
  std::optional<std::set<NodeId>> able_;
  std::optional<Epoch> epoch_to_exceed_;
  std::optional<NodeId> hand_over_to_;
  uint64_t copies_begun_ = 0;
  SourceCounts counts_;
  bool stopped_ = false;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_REPLICATION_SOURCE_H_
