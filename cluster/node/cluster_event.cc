#include "cluster/node/cluster_event.h"

namespace larder::cluster {

std::string_view ClusterEventName(ClusterEvent::Kind kind) {
  switch (kind) {
    case ClusterEvent::Kind::kFounded:
      return "founded";
    case ClusterEvent::Kind::kJoined:
      return "joined";
    case ClusterEvent::Kind::kMemberNew:
      return "member new";
    case ClusterEvent::Kind::kMemberChanged:
      return "member changed";
    case ClusterEvent::Kind::kMemberForgotten:
      return "member forgotten";
    case ClusterEvent::Kind::kSuspected:
      return "suspected";
    case ClusterEvent::Kind::kFailed:
      return "failed";
    case ClusterEvent::Kind::kRecovered:
      return "recovered";
    case ClusterEvent::Kind::kElectionStarted:
      return "election started";
    case ClusterEvent::Kind::kElectionLost:
      return "election lost";
    case ClusterEvent::Kind::kPrimaryChanged:
      return "primary changed";
    case ClusterEvent::Kind::kAbleChanged:
      return "able replicas changed";
    case ClusterEvent::Kind::kVotersChanged:
      return "voters changed";
    case ClusterEvent::Kind::kSlotsChanged:
      return "slots changed";
    case ClusterEvent::Kind::kOtherCluster:
      return "other cluster";
  }
  return "?";
}

}  // namespace larder::cluster
