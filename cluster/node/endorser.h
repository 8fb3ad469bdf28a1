#ifndef LARDER_CLUSTER_NODE_ENDORSER_H_
#define LARDER_CLUSTER_NODE_ENDORSER_H_

#include <optional>

#include "cluster/node/node_core.h"
#include "cluster/node/peer_messages.h"

namespace larder::cluster {

// A node that is asked to be bound to a candidate of its shard. Its word is given when the shell
// has made the fence durable and says what it had then. Not thread-safe.
class Endorser {
 public:
  explicit Endorser(NodeCore* core) : core_(core) {}

  void OnEndorse(const NodeId& from, const Endorse& message);
  // Answers, if the shell has done its part.
  void Tick();
  // To be made durable. Unset: none.
  const Epoch& fence() const { return fence_; }
  // This node leads and would hand over to that one.
  void AgreeTo(std::optional<NodeId> successor) { agreed_to_ = successor; }

 private:
  struct Pending {
    NodeId candidate;
    Endorse request;
  };

  // Than the candidate.
  bool HasMore(const Endorse& request) const;
  void Refuse(const NodeId& to, const Endorse& request, NotEndorsed::Reason reason);
  void Answer(const NodeId& to, const Endorse& request);

  NodeCore* const core_;
  Epoch fence_;
  std::optional<Pending> pending_;
  std::optional<NodeId> agreed_to_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_ENDORSER_H_
