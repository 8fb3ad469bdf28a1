#ifndef LARDER_CLUSTER_NODE_AUTHORITY_H_
#define LARDER_CLUSTER_NODE_AUTHORITY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

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
  // Until when the primary of `epoch` may act: lent by a majority of that list, or of the one
  // before, none of which names a slot map newer than `slot_map_version`. Absent: it may not. What
  // the list before has lent holds until it runs out: who takes part in the next one waits for
  // that.
  std::optional<BootTime> Until(const VoterList& list, const Epoch& epoch,
                                uint64_t slot_map_version) const;

 private:
  struct Held {
    Grant grant;
    BootTime until;
  };

  std::optional<BootTime> OfList(const VoterList& list, const Epoch& epoch,
                                 uint64_t slot_map_version) const;

  // By voter, and by the list that it acted under: the latest. Of the last two lists.
  std::map<std::pair<NodeId, uint64_t>, Held> grants_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_AUTHORITY_H_
