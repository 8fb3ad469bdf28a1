#ifndef LARDER_SERVER_REPLICATION_NODE_AUTHORITY_H_
#define LARDER_SERVER_REPLICATION_NODE_AUTHORITY_H_

#include <atomic>

#include "storage/write_authority.h"

namespace larder::server {

// Whether this node may change what it has: a primary may, a replica only does as it is told.
// Thread-safe.
class NodeAuthority final : public storage::WriteAuthority {
 public:
  bool Holds() const override { return holds_.load(std::memory_order_acquire); }
  void Set(bool holds) { holds_.store(holds, std::memory_order_seq_cst); }

 private:
  std::atomic<bool> holds_{true};
};

}  // namespace larder::server

#endif  // LARDER_SERVER_REPLICATION_NODE_AUTHORITY_H_
