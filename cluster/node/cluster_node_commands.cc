// What operators say to a ClusterNode, and whether it can be done.

#include <string>

#include "absl/status/status.h"
#include "cluster/node/cluster_node.h"

namespace larder::cluster {

void ClusterNode::OnCommand(const MeetCommand& command) {
  meet_[command.endpoint] = core_.now + core_.config.node_timeout * 10;
}

absl::Status ClusterNode::Allows(const ForgetCommand& command) const {
  if (!core_.cluster.is_set()) return absl::FailedPreconditionError("this node is of no cluster");
  const Member* const member = core_.table.Find(command.node);
  const std::string name = "node " + command.node.ToText();
  if (member == nullptr) return absl::NotFoundError(name + " is not known here");
  if (member->is_forgotten) return absl::FailedPreconditionError(name + " is forgotten already");
  if (command.node == core_.node) {
    return absl::FailedPreconditionError("a node cannot forget itself: tell another one");
  }
  for (const auto& [shard, chosen] : core_.table.shards()) {
    if (chosen.value.primary() != command.node) continue;
    return absl::FailedPreconditionError(name + " leads shard " +
                                         std::to_string(static_cast<uint32_t>(shard)) +
                                         ": let one of its replicas take over first");
  }
  for (const VoterList::Permanent& alone : core_.table.voters().permanent) {
    if (alone.node != command.node) continue;
    return absl::FailedPreconditionError(
        name + " alone decides on shard " + std::to_string(static_cast<uint32_t>(alone.shard)) +
        " still: wait until its successor does, or let that one TAKEOVER if the node is dead");
  }
  return absl::OkStatus();
}

void ClusterNode::OnCommand(const ForgetCommand& command) {
  if (!Allows(command).ok()) return;
  Member forgotten = *core_.table.Find(command.node);
  forgotten.is_forgotten = true;
  core_.table.Merge(forgotten);
  core_.MustSave();
  core_.Tell(ClusterEvent::Kind::kMemberForgotten, command.node);
}

absl::Status ClusterNode::Allows(const FailoverCommand& /*command*/) const {
  if (core_.OwnRegister() == nullptr) {
    return absl::FailedPreconditionError("this node is of no shard");
  }
  if (core_.IsPrimary()) {
    return absl::FailedPreconditionError("this node leads its shard: tell one of its replicas");
  }
  return absl::OkStatus();
}

absl::Status ClusterNode::Allows(const TakeOverCommand& /*command*/) const {
  if (core_.OwnRegister() == nullptr) {
    return absl::FailedPreconditionError("this node is of no shard");
  }
  if (core_.self().is_forgotten) {
    return absl::FailedPreconditionError("this node was forgotten by its cluster");
  }
  const VoterList list = core_.table.voters().Of(*core_.shard());
  const size_t acting = heartbeats_.VotersActing(list);
  if (acting >= list.Majority()) {
    return absl::FailedPreconditionError(
        "a majority of the voters of its shard is there (" + std::to_string(acting) + " of " +
        std::to_string(list.voters.size()) + "): a forced failover is enough");
  }
  return absl::OkStatus();
}

void ClusterNode::OnCommand(const TakeOverCommand& command) {
  if (Allows(command).ok()) take_over_.Begin();
}

void ClusterNode::OnCommand(const FailoverCommand& command) {
  if (!Allows(command).ok()) return;
  const ShardRegister* const own = core_.OwnRegister();
  if (command.kind == ElectionKind::kPlanned) {
    core_.Send(own->primary(), HandOver{*core_.shard()});
  } else {
    election_.StandNow(command.kind, {});
  }
}

}  // namespace larder::cluster
