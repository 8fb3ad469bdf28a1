#ifndef LARDER_SERVER_RPC_HELD_CALLS_H_
#define LARDER_SERVER_RPC_HELD_CALLS_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_set.h"

namespace larder::server {

// The calls of one connection in CallState::kHeld, by their streams, and when they are to be looked
// at again. Not thread-safe.
class HeldCalls {
 public:
  void Add(uint32_t stream) { streams_.insert(stream); }
  void Remove(uint32_t stream) { streams_.erase(stream); }

  // Something has changed that one of them may have waited for.
  void OnChange() {
    if (when_ == When::kAfterChange) when_ = When::kNow;
  }
  // One of them waits for the next turn.
  void WaitForTurn() { when_ = When::kNextTurn; }
  // They are to be looked at in the next turn, if not before.
  bool waits_for_turn() const {
    return when_ == When::kNextTurn || (when_ == When::kNow && !streams_.empty());
  }
  // The next turn has begun.
  void OnTurn() {
    if (when_ == When::kNextTurn) when_ = When::kNow;
  }

  // Whether they are to be looked at now: then they wait for a change from here on. If they must
  // wait in any case, it is for the next turn.
  bool BeginLook(bool must_wait) {
    if (streams_.empty() || when_ == When::kAfterChange) return false;
    when_ = must_wait ? When::kNextTurn : When::kAfterChange;
    return !must_wait;
  }
  std::vector<uint32_t> streams() const { return {streams_.begin(), streams_.end()}; }

 private:
  enum class When : uint8_t { kAfterChange, kNow, kNextTurn };

  absl::flat_hash_set<uint32_t> streams_;
  When when_ = When::kAfterChange;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_HELD_CALLS_H_
