#ifndef LARDER_CLUSTER_NODE_AUTHORITY_H_
#define LARDER_CLUSTER_NODE_AUTHORITY_H_

#include <map>
#include <optional>

#include "cluster/node/peer_messages.h"
#include "cluster/registers/voter_list.h"
#include "cluster/replication/boot_time.h"
#include "cluster/replication/epoch.h"
#include "cluster/replication/node_id.h"

namespace larder::cluster {

// What a primary was lent, and until when it may act by that. Not thread-safe.
class Authority {
 public:
  // The voter answered with it a ping that was sent at `sent`.
  void OnGrant(const NodeId& voter, const Grant& grant, BootTime sent);
  // Until when the primary of `epoch` may act: lent by a majority of that list, none of which
  // names a slot map newer than `slot_map_version`. Absent: it may not.
  std::optional<BootTime> Until(const VoterList& list, const Epoch& epoch,
                                uint64_t slot_map_version) const;
  void Clear() { grants_.clear(); }

 private:
  struct Held {
    Grant grant;
    BootTime until;
  };

  std::map<NodeId, Held> grants_;  // by voter, the latest
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_AUTHORITY_H_
