#ifndef LARDER_CLUSTER_NODE_LIST_ADOPTION_H_
#define LARDER_CLUSTER_NODE_LIST_ADOPTION_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "cluster/node/grants_given.h"
#include "cluster/node/node_core.h"
#include "cluster/node/peer_messages.h"

namespace larder::cluster {

// A node that is to be a voter of a new list: before it acts it takes over what a majority of the
// list before holds, none of which acts any more; or of those of the new one who act already. And a
// voter that is asked for it. Not thread-safe.
class ListAdoption {
 public:
  ListAdoption(NodeCore* core, GrantsGiven* grants) : core_(core), grants_(grants) {}

  void Tick();
  void OnRequest(const NodeId& from, const VoterStateRequest& message);
  void OnState(const NodeId& from, const VoterState& message);

 private:
  struct Source {
    std::optional<RegisterKey> after;  // the last register that has come
    bool is_whole = false;
    bool is_acting = false;
    std::vector<std::pair<RegisterKey, RegisterState>> registers;
    std::vector<VoterState::Lent> lent;
    BootTime came;  // the last of it
  };

  // It is to adopt the newest list and has not.
  bool IsDue() const;
  void Begin();
  void Ask(const NodeId& node);
  void MaybeAdopt();

  NodeCore* const core_;
  GrantsGiven* const grants_;
  uint64_t list_epoch_ = 0;  // that is being adopted
  std::map<NodeId, Source> sources_;
  BootTime ask_again_at_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_LIST_ADOPTION_H_
