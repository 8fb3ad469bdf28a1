#ifndef LARDER_CLUSTER_NODE_CLUSTER_NODE_H_
#define LARDER_CLUSTER_NODE_CLUSTER_NODE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cluster/node/able_replicas.h"
#include "cluster/node/authority.h"
#include "cluster/node/cluster_config.h"
#include "cluster/node/cluster_effects.h"
#include "cluster/node/election.h"
#include "cluster/node/endorser.h"
#include "cluster/node/fail_voting.h"
#include "cluster/node/founding_round.h"
#include "cluster/node/hand_over.h"
#include "cluster/node/heartbeats.h"
#include "cluster/node/list_adoption.h"
#include "cluster/node/list_succession.h"
#include "cluster/node/node_core.h"
#include "cluster/node/slot_map_pull.h"
#include "cluster/node/take_over.h"
#include "cluster/node/voter.h"

namespace larder::cluster {

struct Received {
  Envelope envelope;
};
// Evidence: connections to it are refused, or were reset and cannot be made again.
struct Unreachable {
  NodeId node;
};

// ---- What operators say.
// Tried until it answers, ten node timeouts at most. Lets a node in again that was forgotten.
struct MeetCommand {
  std::string endpoint;  // of a bus
};
// It is out for good, whatever it says of itself, until an operator lets it in again.
struct ForgetCommand {
  NodeId node;
};
// This node is to lead its shard.
struct FailoverCommand {
  ElectionKind kind = ElectionKind::kPlanned;
};
// This node is to lead its shard, though no majority of the voters is left: all whom it does not
// hear are dead (TakeOver).
struct TakeOverCommand {};

using ClusterInput = std::variant<Received, Unreachable, DataStatus, MeetCommand, ForgetCommand,
                                  FailoverCommand, TakeOverCommand>;

// One member of a cluster, as a machine: stepped with what has come and with the time, often (every
// twentieth of the node timeout at least) and without inputs too. Not thread-safe. The shell saves
// and sends what it says (ClusterEffects), carries out the plan for its data, and tells how far
// that is.
class ClusterNode {
 public:
  // `recovered`: what was saved last; of a new node its id alone.
  ClusterNode(ClusterConfig config, const DurableCluster& recovered, uint64_t seed, BootTime now);
  ClusterNode(const ClusterNode&) = delete;
  ClusterNode& operator=(const ClusterNode&) = delete;

  ClusterEffects Step(BootTime now, absl::Span<const ClusterInput> inputs);

  // Whether a command can be carried out, as far as this node knows; else it does nothing.
  // FAILED_PRECONDITION, with what to do instead.
  absl::Status Allows(const ForgetCommand& command) const;
  absl::Status Allows(const FailoverCommand& command) const;
  absl::Status Allows(const TakeOverCommand& command) const;

  const NodeCore& core() const { return core_; }
  const Election& election() const { return election_; }
  // Until when it may act as a primary, as of the last step; absent: it may not.
  std::optional<BootTime> may_act_until() const { return may_act_until_; }

 private:
  void Take(const ClusterInput& input);
  void Receive(const Envelope& envelope);
  // Between nodes that are of no cluster.
  void ReceiveUnfounded(const NodeId& from, const PeerMessage& message);
  void Dispatch(const NodeId& from, const PeerMessage& message);
  void OnChosen(const Chosen& message);
  void OnJoin(const Envelope& envelope, const Join& message);
  void OnJoinAnswer(const Envelope& envelope, const JoinAnswer& message);
  // It is there. True: it was forgotten, and an operator has asked for it again.
  bool Readmit(const Member& member, uint64_t list_epoch);
  void Answer(const NodeId& to);
  void TellForgotten(const Member& member);
  void OnCommand(const FailoverCommand& command);
  void OnCommand(const ForgetCommand& command);
  void OnCommand(const MeetCommand& command);
  void OnCommand(const TakeOverCommand& command);
  // Registers that others chose, to this node as a voter.
  void LearnAsVoter();
  void SeekOthers();
  void ChooseShard();
  void Plan();
  void Publish(ClusterEffects* effects);

  NodeCore core_;
  Authority authority_;
  Voter voter_;
  Heartbeats heartbeats_;
  FailVoting fail_voting_;
  Election election_;
  Endorser endorser_;
  PlannedHandOver hand_over_;
  AbleReplicas able_;
  ListSuccession list_succession_;
  ListAdoption list_adoption_;
  FoundingRound founding_;
  SlotMapPull slot_map_pull_;
  TakeOver take_over_;
  std::optional<BootTime> may_act_until_;
  BootTime fenced_at_;
  Epoch asked_for_;  // under which it has asked for grants at once
  BootTime seek_at_;
  std::optional<BootTime> choose_at_;     // a shard
  std::map<std::string, BootTime> meet_;  // by endpoint that an operator has named: until when
  uint64_t learned_ = 0;                  // of the table's changes, as a voter
  uint64_t published_ = 0;                // likewise, in the topology
  const SlotMap* published_map_ = nullptr;
  uint64_t topology_version_ = 0;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_CLUSTER_NODE_H_
