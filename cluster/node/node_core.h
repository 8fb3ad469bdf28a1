#ifndef LARDER_CLUSTER_NODE_NODE_CORE_H_
#define LARDER_CLUSTER_NODE_NODE_CORE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/members/cluster_table.h"
#include "cluster/members/failure_detector.h"
#include "cluster/node/cluster_config.h"
#include "cluster/node/cluster_effects.h"
#include "cluster/registers/register_acceptor.h"

namespace larder::cluster {

// What the parts of a ClusterNode share. Not thread-safe.
struct NodeCore {
  NodeCore(ClusterConfig settings, const DurableCluster& recovered, uint64_t seed,
           BootTime started);

  const ClusterConfig config;
  const NodeId node;
  BootTime now;
  ClusterId cluster;
  ClusterTable table;
  FailureDetector detector;
  std::shared_ptr<const SlotMap> slot_map;  // never null
  RegisterAcceptor acceptor;
  uint64_t acts_under = 0;  // the list that this node may vote under
  DataStatus data;          // as the shell has said last
  DataPlan plan;
  BootTime acted_at;  // when it had a primary's authority, or was elected, last
  std::vector<ClusterEvent> events;

  // ---- Sending. What says or follows from durable state waits until that is saved.
  void Send(const NodeId& to, PeerMessage message);
  // What says nothing that must be kept.
  void SendAtOnce(const NodeId& to, PeerMessage message);
  void SendToEndpoint(const std::string& endpoint, PeerMessage message);
  // What must be on disk has changed.
  void MustSave() { must_save_ = true; }

  // What this node says of itself.
  const Member& self() const { return self_; }
  std::optional<ShardId> shard() const { return self().shard; }
  // The register of this node's shard, as far as is known. Null: it is of none, or nothing is
  // known.
  const ShardRegister* OwnRegister() const;
  bool IsPrimary() const;
  // By this node's present view it need not be asked: it was forgotten, or is FAIL and is not well
  // as far as this node sees. Of nobody whom it does not know.
  bool IsGone(const NodeId& about) const;
  // One that no process has used, above all that this node knows of.
  Ballot NextBallot(const RegisterKey& key);
  // Others have used it.
  void NoteBallot(const RegisterKey& key, const Ballot& ballot);
  // It may promise, accept and lend now.
  bool ActsAsVoter() const;
  // Changes what this node says of itself, under a higher generation.
  void ChangeSelf(Member changed);
  // What another table tells. Others may bring what this node said before, or what was said of it.
  void Learn(const TableUpdates& updates);
  void Learn(const Member& member);
  void Tell(ClusterEvent::Kind kind, const NodeId& about, std::string detail = {});
  uint64_t RandomWord();
  // 0 to `below` - 1.
  uint64_t Random(uint64_t below);

  // The messages and the state of this step.
  void Flush(ClusterEffects* effects);
  DurableCluster Durable() const;

 private:
  Envelope Wrap(PeerMessage message) const;

  Member self_;
  uint64_t began_with_ = 0;                // the generation of this process
  std::map<RegisterKey, Ballot> ballots_;  // the highest known
  uint64_t random_;
  bool must_save_ = false;
  uint64_t saves_ = 0;
  std::vector<Sending> sends_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_NODE_CORE_H_
