#ifndef LARDER_CLUSTER_REPLICATION_GROWING_HISTORY_H_
#define LARDER_CLUSTER_REPLICATION_GROWING_HISTORY_H_

#include <cstdint>
#include <vector>

#include "cluster/replication/history.h"

namespace larder::cluster {

// The history of data that follows a source: an epoch is heard of before its records are there, and
// enters the history with the first of them.
class GrowingHistory {
 public:
  GrowingHistory() = default;
  // Of data that goes to `sequence`; what `history` has beyond is announced.
  GrowingHistory(const History& history, uint64_t sequence);

  const History& history() const { return history_; }
  const std::vector<History::Beginning>& announced() const { return announced_; }
  // The last one that was heard of. REQUIRES: history() is not empty.
  const History::Beginning& last() const {
    return announced_.empty() ? history_.beginnings().back() : announced_.back();
  }

  // The epoch of the last record before `sequence`, be it there or announced.
  // REQUIRES: history() is not empty.
  const Epoch& EpochAt(uint64_t sequence) const;

  // REQUIRES: above last(), and not before its first sequence.
  void Announce(const Epoch& epoch, uint64_t first) { announced_.push_back({epoch, first}); }
  void ForgetAnnounced() { announced_.clear(); }
  // All before `sequence` is there.
  void Advance(uint64_t sequence);
  // The data ends here, and goes on under an epoch of its own.
  void Open(const Epoch& epoch, uint64_t first);
  // False: an epoch that had no record is forgotten, of which others may have heard.
  bool Close(uint64_t end);
  // As History::Reached, with what is announced.
  History::Reach Reached(const Position& position, uint64_t end) const;
  friend bool operator==(const GrowingHistory&, const GrowingHistory&) = default;

 private:
  History history_;
  std::vector<History::Beginning> announced_;  // rising
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_GROWING_HISTORY_H_
