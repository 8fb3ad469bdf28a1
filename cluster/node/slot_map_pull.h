#ifndef LARDER_CLUSTER_NODE_SLOT_MAP_PULL_H_
#define LARDER_CLUSTER_NODE_SLOT_MAP_PULL_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "cluster/node/node_core.h"
#include "cluster/node/peer_messages.h"

namespace larder::cluster {

// Gets a newer slot map from whoever has one, in pages; and gives this node's. Not thread-safe.
class SlotMapPull {
 public:
  explicit SlotMapPull(NodeCore* core) : core_(core) {}

  // `source`: who has a newer one, if anybody.
  void Tick(std::optional<NodeId> source);
  void OnRequest(const NodeId& from, const SlotMapRequest& message);
  void OnPage(const NodeId& from, const SlotMapPage& message);

 private:
  static constexpr size_t kRunsInPage = 150;

  NodeCore* const core_;
  std::optional<NodeId> from_;
  uint64_t version_ = 0;
  uint32_t next_ = 0;  // the first slot that is not there yet
  std::vector<SlotMap::Run> runs_;
  BootTime ask_again_at_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_SLOT_MAP_PULL_H_
