#ifndef LARDER_CLUSTER_REPLICATION_REPLICATION_STATE_H_
#define LARDER_CLUSTER_REPLICATION_REPLICATION_STATE_H_

#include <cstdint>
#include <optional>

#include "cluster/replication/epoch.h"
#include "cluster/replication/growing_history.h"
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
// their thread. Whoever leads appends to the log beside this, so its end is the log's affair;
// whoever follows tells here what it has applied. After every call of a machine the shell syncs
// what is unsaved, and before that takes no effects, sends nothing and answers nothing.
class ReplicationState {
 public:
  // How a log is opened, as the methods below do.
  enum class Opening : uint8_t { kGoOn, kAnew, kEmpty };

  // `sequence`: where the data that was found ends; absent: there is none, and the history is void.
  ReplicationState(NodeId node, const DurableReplication& recovered,
                   std::optional<uint64_t> sequence);

  const NodeId& node() const { return node_; }
  const Epoch& fence() const { return fence_; }
  const History& history() const { return growing_.history(); }
  const GrowingHistory& growing() const { return growing_; }
  bool leads() const { return leads_; }
  bool commanded() const { return commanded_; }
  bool has_data() const { return !history().empty(); }
  // Rises whenever the data is replaced, and the log with it, or an epoch was in vain: no link goes
  // on.
  uint64_t generation() const { return generation_; }

  // ---- What must be on disk.
  // Absent: all is. The same again until it was saved.
  std::optional<DurableReplication> Unsaved() const;
  void NoteSaved(const DurableReplication& saved) { saved_ = saved; }
  // To be saved before the log is opened so. REQUIRES: as Open, OpenAnew, OpenEmpty.
  DurableReplication WhenOpened(Opening opening, const Epoch& epoch, uint64_t first) const;

  // How far a follower has applied. REQUIRES: has_data(), !leads().
  uint64_t sequence() const { return sequence_; }
  // REQUIRES: has_data().
  Position PositionAt(uint64_t sequence) const { return {history().EpochAt(sequence), sequence}; }

  // ---- Of one that leads. Epochs are saved before (WhenOpened), are above the fence, or are the
  // fence if this node was bound to an epoch of its own before it opened that.
  // The data goes on under a new epoch from `first` on, where the log ends. REQUIRES: has_data().
  void Open(const Epoch& epoch, uint64_t first);
  // The log begins now, with data that has no numbers: nothing earlier continues.
  void OpenAnew(const Epoch& epoch, uint64_t first);
  // The same, and there is no data.
  void OpenEmpty(const Epoch& epoch, uint64_t first);
  // It leads no more; its log ends here. A node that keeps no log now opens one anew before: its
  // data has no position else that would be true.
  void Close(uint64_t end);

  // ---- Of one that follows.
  void RaiseFence(const Epoch& epoch);
  void set_commanded(bool commanded) { commanded_ = commanded; }
  // REQUIRES: as GrowingHistory.
  void Announce(const Epoch& epoch, uint64_t first) { growing_.Announce(epoch, first); }
  void ForgetAnnounced() { growing_.ForgetAnnounced(); }
  // All before `sequence` is applied.
  void Advance(uint64_t sequence);
  // The data was replaced by a copy, which goes to `sequence`.
  void Install(GrowingHistory growing, uint64_t sequence);
  // The data is gone, or has no position that would be true: none is said of it any more.
  void Forget();

 private:
  void Begin(const Epoch& epoch, const History& history, uint64_t first);

  NodeId node_;
  Epoch fence_;
  GrowingHistory growing_;
  uint64_t sequence_ = 0;
  uint64_t generation_ = 0;
  bool leads_ = false;
  bool commanded_ = false;
  DurableReplication saved_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_REPLICATION_STATE_H_
