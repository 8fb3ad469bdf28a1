#ifndef LARDER_TESTS_SIMULATION_SHARD_TRUTH_H_
#define LARDER_TESTS_SIMULATION_SHARD_TRUTH_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cluster/replication/history.h"
#include "cluster/replication/position.h"
#include "tests/simulation/event_queue.h"

namespace larder::simulation {

// What really happened, as nobody in the shard could know it: the content at each position, which
// writes were promised, and whom they may have been lost with.
class ShardTruth {
 public:
  // A primary's data goes to `position` and is this.
  void OnWritten(const cluster::Position& position, uint64_t digest, Millis now);
  // A follower says that its data goes there. A violation: it was never this there.
  std::optional<std::string> CheckContent(const cluster::Position& position, uint64_t digest) const;

  // A write that ends at `position`, done then, was acknowledged by so many replicas. A violation:
  // it is lost already, to somebody who leads since then, and must not be.
  std::optional<std::string> OnAcknowledged(const cluster::Position& position, Millis written,
                                            size_t replicas);
  // The node may have lost data that it had.
  void OnDataLost(size_t node, Millis now);
  // From here on a primary goes on with data that goes to `end`. `unheard`: nodes that had no say.
  // A violation: a promised write is not in it, though no more nodes were lost than was promised.
  // Others that it lacks are lost by right.
  std::optional<std::string> CheckLeader(const cluster::History& history, uint64_t end,
                                         const std::set<size_t>& unheard);
  // After a TAKEOVER nothing is promised any more by who leads in a term up to that.
  void SetAside(uint64_t term) { set_aside_ = term; }
  // Nothing is promised: the operator goes on with what may not be the best.
  void PromiseNothing() { promises_ = false; }
  // The position of the last write before `when`. Absent: none.
  std::optional<cluster::Position> LastWrittenBefore(Millis when) const;

  uint64_t acknowledged() const { return acknowledged_; }

 private:
  struct Promise {
    cluster::Position position;
    size_t replicas;
    std::set<size_t> lost;  // nodes that lost data since it was written
  };

  struct Leader {
    cluster::History history;
    uint64_t end;
    std::set<size_t> unheard;
  };
  // Whether the promise is kept, or lost by right. A violation: neither.
  static std::optional<std::string> Judge(const Promise& promise, const Leader& leader,
                                          bool* is_over);

  std::vector<Leader> leaders_;  // the last ones
  std::map<cluster::Position, uint64_t> content_;
  std::vector<std::pair<Millis, cluster::Position>> written_;
  std::vector<Promise> promised_;
  std::vector<std::pair<Millis, size_t>> losses_;
  uint64_t acknowledged_ = 0;
  bool promises_ = true;
  uint64_t set_aside_ = 0;  // terms up to that
};

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_SHARD_TRUTH_H_
