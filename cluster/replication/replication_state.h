#ifndef LARDER_CLUSTER_REPLICATION_REPLICATION_STATE_H_
#define LARDER_CLUSTER_REPLICATION_REPLICATION_STATE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "cluster/replication/epoch.h"
#include "cluster/replication/history.h"
#include "cluster/replication/node_id.h"
#include "cluster/replication/position.h"

namespace larder::cluster {

// What of it must be on disk (ordering.md rule 12); the node id and the offset of shard time lie
// beside it.
struct DurableReplication {
  Epoch fence;
  History history;
  bool commanded = false;
  friend bool operator==(const DurableReplication&, const DurableReplication&) = default;
};

// What a node knows of its own data: one for a node, shared by its source and its sink, stepped on
// their thread. Whoever leads appends to the log beside this, so its sequence is the log's; whoever
// follows tells here what it has applied.
class ReplicationState {
 public:
  // `sequence`: where the data that was found ends; absent: there is none, and the history is void.
  ReplicationState(NodeId node, DurableReplication recovered, std::optional<uint64_t> sequence);

  const NodeId& node() const { return node_; }
  const Epoch& fence() const { return fence_; }
  const History& history() const { return history_; }
  // Epochs that are known to begin where the data has not come yet.
  const std::vector<History::Beginning>& announced() const { return announced_; }
  bool leads() const { return leads_; }
  bool commanded() const { return commanded_; }
  bool has_data() const { return !history_.empty(); }
  // Nothing was there when the history began.
  bool began_empty() const { return began_empty_; }
  // Rises whenever the data is replaced, and the log with it: no reader goes on.
  uint64_t generation() const { return generation_; }
  DurableReplication Durable() const { return {fence_, history_, commanded_}; }

  // What a follower has applied. REQUIRES: has_data(), !leads().
  uint64_t sequence() const { return sequence_; }
  // REQUIRES: has_data().
  Position PositionAt(uint64_t sequence) const { return {history_.EpochAt(sequence), sequence}; }

  // ---- Of one that leads. Epochs are durable, and above the fence, before they are given here.
  // The data goes on under a new epoch from `first` on, where the log ends.
  void Open(const Epoch& epoch, uint64_t first);
  // The log begins now, with data that has no numbers: nothing earlier continues.
  void OpenAnew(const Epoch& epoch, uint64_t first, bool is_empty);
  // It leads no more; its log ends here.
  void Close(uint64_t end);

  // ---- Of one that follows.
  void RaiseFence(const Epoch& epoch);
  void set_commanded(bool commanded) { commanded_ = commanded; }
  // Records from `first` on are of this epoch. REQUIRES: above those known, not before the data.
  void Announce(const Epoch& epoch, uint64_t first);
  void ForgetAnnounced() { announced_.clear(); }
  // All before `sequence` is applied.
  void Advance(uint64_t sequence);
  // The data was replaced by a copy, which goes to `sequence`.
  void Install(History history, uint64_t sequence);

 private:
  const NodeId node_;
  Epoch fence_;
  History history_;
  std::vector<History::Beginning> announced_;
  uint64_t sequence_ = 0;
  uint64_t generation_ = 0;
  bool leads_ = false;
  bool commanded_ = false;
  bool began_empty_ = false;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_REPLICATION_STATE_H_
