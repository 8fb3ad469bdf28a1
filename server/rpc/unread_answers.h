#ifndef LARDER_SERVER_RPC_UNREAD_ANSWERS_H_
#define LARDER_SERVER_RPC_UNREAD_ANSWERS_H_

#include <cstddef>

#include "absl/status/status.h"
#include "server/rpc/overload_status.h"
#include "server/transport/byte_budget.h"

namespace larder::server {

// Bounds the answers of one connection that wait for its client to read, by its own limit and the
// node's. `pending_bytes`: what waits in its streams now. Not thread-safe.
class UnreadAnswers {
 public:
  // `node` outlives it.
  UnreadAnswers(size_t bytes_max, ByteBudget* node)
      : bytes_max_(bytes_max), node_(node), share_(node) {}

  // Looks at the node's budget: once for all that comes at a time, so that a small call does not
  // pay for it.
  void LookAtNode(size_t pending_bytes) { is_node_full_ = node_->IsFull(pending_bytes); }
  // Whether as many wait, here or on the node, as may.
  bool IsFull(size_t pending_bytes) const { return is_node_full_ || pending_bytes > bytes_max_; }
  // REQUIRES: IsFull. RESOURCE_EXHAUSTED, which says of what.
  absl::Status FullStatus(size_t pending_bytes) const {
    return pending_bytes > bytes_max_ ? UnreadOnConnectionStatus(bytes_max_)
                                      : UnreadOnNodeStatus(node_->bytes_max());
  }

  // Tells the node what waits, in streams and behind them.
  void Report(size_t bytes, LoopTime now) { share_.Report(bytes, now); }
  ByteShare& share() { return share_; }

 private:
  const size_t bytes_max_;
  const ByteBudget* const node_;
  ByteShare share_;
  bool is_node_full_ = false;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_UNREAD_ANSWERS_H_
