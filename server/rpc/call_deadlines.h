#ifndef LARDER_SERVER_RPC_CALL_DEADLINES_H_
#define LARDER_SERVER_RPC_CALL_DEADLINES_H_

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "client/channel/loop_time.h"

namespace larder::server {

// The deadlines of one connection's calls, by their streams. Most calls are over before they would
// be sorted in, so that is done for those that are left when all that came was run. Not
// thread-safe.
class CallDeadlines {
 public:
  void Add(uint32_t stream, LoopTime deadline) { fresh_.emplace_back(deadline, stream); }
  void Remove(uint32_t stream, LoopTime deadline) { sorted_.erase({deadline, stream}); }

  // Sorts in what was added of calls that are open still.
  template <typename IsOpen>
  void SortIn(IsOpen&& is_open) {
    for (const auto& deadline : fresh_) {
      if (is_open(deadline.second)) sorted_.insert(deadline);
    }
    fresh_.clear();
  }

  // Infinite: there is none.
  LoopTime next() const { return sorted_.empty() ? kNoTime : sorted_.begin()->first; }
  // Takes out a stream whose deadline has come.
  std::optional<uint32_t> TakeExpired(LoopTime now) {
    if (sorted_.empty() || sorted_.begin()->first > now) return std::nullopt;
    const uint32_t stream = sorted_.begin()->second;
    sorted_.erase(sorted_.begin());
    return stream;
  }

 private:
  absl::btree_set<std::pair<LoopTime, uint32_t>> sorted_;
  std::vector<std::pair<LoopTime, uint32_t>> fresh_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_CALL_DEADLINES_H_
