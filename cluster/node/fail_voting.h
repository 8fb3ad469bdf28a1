#ifndef LARDER_CLUSTER_NODE_FAIL_VOTING_H_
#define LARDER_CLUSTER_NODE_FAIL_VOTING_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "cluster/members/suspicions.h"
#include "cluster/node/node_core.h"
#include "cluster/node/peer_messages.h"

namespace larder::cluster {

// Makes FAIL of the PFAIL of many: a voter tells the others whom it suspects, and counts what they
// tell. A node that is held for dead and is not says so. Not thread-safe.
class FailVoting {
 public:
  explicit FailVoting(NodeCore* core) : core_(core), suspicions_(core->config.report_lives()) {}

  // `voters_heard`: how many of the voters answer this node.
  void Tick(size_t voters_heard);
  void OnSuspect(const NodeId& from, const Suspect& message);
  void OnFailed(const NodeId& from, const Failed& message);

 private:
  // So many fit into a message.
  static constexpr size_t kMarksMax = 50;

  void TellVoters(const Suspect& message);
  void TellOfFailed(const std::vector<FailMark>& failed);
  void Decide();
  void Refute(size_t voters_heard);

  NodeCore* const core_;
  Suspicions suspicions_;
  // By this node, as the voters were told; which generation.
  std::map<NodeId, uint64_t> suspected_;
  BootTime tell_again_at_;
  BootTime look_at_;
  uint64_t seen_ = 0;  // of the table's changes
  bool has_reports_ = false;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_NODE_FAIL_VOTING_H_
