#ifndef LARDER_CLUSTER_NODE_CLUSTER_EVENT_H_
#define LARDER_CLUSTER_NODE_CLUSTER_EVENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/registers/shard_register.h"
#include "cluster/replication/node_id.h"

namespace larder::cluster {

// Something that an operator may want to know.
struct ClusterEvent {
  enum class Kind : uint8_t {
    kFounded,
    kJoined,
    kMemberNew,
    kMemberChanged,
    kMemberForgotten,
    kSuspected,  // PFAIL, by this node
    kFailed,     // FAIL
    kRecovered,
    kElectionStarted,  // by this node
    kElectionLost,
    kPrimaryChanged,
    kAbleChanged,
    kVotersChanged,
    kSlotsChanged,
    kOtherCluster,  // a node of another cluster came by and was sent away
  };
  Kind kind = Kind::kJoined;
  NodeId node;
  std::optional<ShardId> shard;
  std::string detail;
};
std::string_view ClusterEventName(ClusterEvent::Kind kind);

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_CLUSTER_EVENT_H_
