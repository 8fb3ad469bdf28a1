#ifndef LARDER_CLUSTER_NODE_GRANTS_GIVEN_H_
#define LARDER_CLUSTER_NODE_GRANTS_GIVEN_H_

#include <map>
#include <optional>

#include "cluster/node/peer_messages.h"
#include "cluster/registers/shard_register.h"
#include "cluster/replication/boot_time.h"
#include "cluster/replication/epoch.h"

namespace larder::cluster {

// What a voter has lent, and so must wait for before it lends the same shard to another primary
// (ordering.md rule 8). In memory: a voter that starts lends nothing for one lease. Not
// thread-safe.
class GrantsGiven {
 public:
  // `silent_until`: when a lease that an earlier process gave has run out for sure.
  explicit GrantsGiven(BootTime silent_until) : silent_until_(silent_until) {}

  // Whether `epoch`, which is what the voter has accepted, may act.
  bool May(ShardId shard, const Epoch& epoch, BootTime now) const;
  // REQUIRES: May(). The grant is counted on until `until`.
  void Give(ShardId shard, const Epoch& epoch, BootTime until);
  // Another primary was accepted. `has_endorsed`: the one of `before` never acts again.
  void OnAccepted(ShardId shard, const Epoch& before, const Epoch& after, bool has_endorsed);
  // Somebody else may have lent the shard, to `epoch` and to others, until then (a list was
  // adopted).
  void OnAdopted(ShardId shard, const Epoch& epoch, BootTime until, BootTime others_until);
  // What of it may run still, to be told to the voters of another list. Absent: nothing.
  std::optional<VoterState::Lent> RestOf(ShardId shard, BootTime now) const;

 private:
  struct Lent {
    Epoch epoch;
    BootTime until;
    BootTime others_until;
  };

  const BootTime silent_until_;
  std::map<ShardId, Lent> lent_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_GRANTS_GIVEN_H_
