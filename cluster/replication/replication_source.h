#ifndef LARDER_CLUSTER_REPLICATION_REPLICATION_SOURCE_H_
#define LARDER_CLUSTER_REPLICATION_REPLICATION_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/replication/boot_time.h"
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
  ReplicationSource(SourceOptions options, ReplicationState* state);

  // ---- The node leads, or does not.
  // Opens the log under an epoch that is durable and above state.fence(); `first`: the log's end.
  void Open(const Epoch& epoch, uint64_t first);
  void OpenAnew(const Epoch& epoch, uint64_t first, bool is_empty);
  // The node leads no more: links that are fed on may stay. Acknowledgements of its own end.
  void Close(uint64_t end);
  // A higher epoch is known: from now on it feeds and acknowledges nothing, until it is opened or
  // follows. The same happens by itself when a replica of the same history says so.
  void Stop(const Epoch& epoch);
  bool stopped() const { return stopped_; }
  // The highest fence above its own epoch that somebody met who was told to follow. A primary draws
  // an epoch above it and opens that; any other passes it on (ReplicationSink::set_exceed).
  const std::optional<Epoch>& epoch_to_exceed() const { return epoch_to_exceed_; }

  // ---- Links. Ids are the shell's and are not used again.
  void Connect(LinkId link, BootTime now);
  void Disconnect(LinkId link, ReplicationFeed* feed);
  // INVALID_ARGUMENT: the message cannot come here; the link is to be closed.
  absl::Status Receive(LinkId link, ReplicaMessage message, BootTime now);
  // What to send next. `feed` is the link's own.
  Outgoing Next(LinkId link, ReplicationFeed* feed, uint64_t bytes_max,
                const SourceCondition& condition);

  // ---- Acknowledgement.
  // All before it was applied by `replicas` replicas under this epoch; 0: not known. Never falls,
  // until the node opens another log or leads no more.
  uint64_t AckedSequence(size_t replicas) const;
  // How many replicas follow (are not copying) and have acknowledged within `in_time`.
  size_t ConnectedInTime(BootTime now) const;
  // Replicas that asked while the log was not open (after a restart) and have more than `end`.
  std::vector<NodeId> AheadOf(uint64_t end) const;
  // Says to this one, when it asks again, that it should lead.
  void HandOverTo(const NodeId& node) { hand_over_to_ = node; }

  // ---- For operators and metrics.
  std::vector<LinkReport> Links(BootTime now) const;
  const SourceCounts& counts() const { return counts_; }

 private:
  std::optional<Refuse> ReasonToRefuse(const Hello& hello, const SourceCondition& condition);
  void ReceiveHello(ReplicaLink* link, Hello hello);
  void NoteAcks();
  Outgoing Greet(ReplicaLink* link, ReplicationFeed* feed, const SourceCondition& condition);

  const SourceOptions options_;
  ReplicationState* const state_;
  std::map<LinkId, std::unique_ptr<ReplicaLink>> links_;
  std::map<NodeId, Position> asked_;  // while the log is not open
  std::vector<uint64_t> acked_;       // by number of replicas, less one
  std::optional<Epoch> epoch_to_exceed_;
  std::optional<NodeId> hand_over_to_;
  uint64_t copies_begun_ = 0;
  SourceCounts counts_;
  bool stopped_ = false;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_REPLICATION_SOURCE_H_
