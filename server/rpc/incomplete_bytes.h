#ifndef LARDER_SERVER_RPC_INCOMPLETE_BYTES_H_
#define LARDER_SERVER_RPC_INCOMPLETE_BYTES_H_

#include <cstddef>

#include "absl/status/status.h"
#include "server/rpc/overload_status.h"
#include "server/transport/byte_budget.h"

namespace larder::server {

// Counts what one connection keeps of requests that are incomplete or wait to be run, against its
// own limit and the node's. Not thread-safe.
class IncompleteBytes {
 public:
  // `node` outlives it.
  IncompleteBytes(size_t bytes_max, ByteBudget* node)
      : bytes_max_(bytes_max), node_(node), share_(node) {}

  void Add(size_t bytes) { bytes_ += bytes; }
  void Remove(size_t bytes) { bytes_ -= bytes; }
  size_t bytes() const { return bytes_; }

  // RESOURCE_EXHAUSTED: there are too many with so many more, here or on the node.
  absl::Status Check(size_t more = 0) const {
    if (bytes_ + more > bytes_max_) return IncompleteOnConnectionStatus(bytes_max_);
    if (node_->IsFull(bytes_ + more)) return IncompleteOnNodeStatus(node_->bytes_max());
    return absl::OkStatus();
  }

  // Tells the node, with what has come for the connection and was not looked at.
  void Report(size_t unseen_bytes, LoopTime now) { share_.Report(bytes_ + unseen_bytes, now); }
  ByteShare& share() { return share_; }

 private:
  const size_t bytes_max_;
  const ByteBudget* const node_;
  ByteShare share_;
  size_t bytes_ = 0;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_INCOMPLETE_BYTES_H_
