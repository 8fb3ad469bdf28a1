#ifndef LARDER_CLUSTER_MEMBERS_SUSPICIONS_H_
#define LARDER_CLUSTER_MEMBERS_SUSPICIONS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "cluster/members/member.h"
#include "cluster/registers/voter_list.h"
#include "cluster/replication/boot_time.h"
#include "cluster/replication/node_id.h"

namespace larder::cluster {

// Which voters hold whom for dead. FAIL: a majority of the list does, by reports that are young
// enough. Not thread-safe.
class Suspicions {
 public:
  explicit Suspicions(Millis report_lives) : report_lives_(report_lives) {}

  // `voter`, which may be this node, holds this generation for dead.
  void OnReport(const NodeId& voter, const FailMark& suspect, BootTime now);
  // It does not any more.
  void OnWithdrawn(const NodeId& voter, const NodeId& suspect);
  // How many of the list's hold this very generation for dead.
  size_t Reports(const VoterList& list, const FailMark& suspect, BootTime now) const;
  // Those of reports that are too old.
  void Expire(BootTime now);

 private:
  struct Report {
    FailMark suspect;
    BootTime at;
  };

  const Millis report_lives_;
  std::map<NodeId, std::map<NodeId, Report>> reports_;  // by suspect, by voter
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_MEMBERS_SUSPICIONS_H_
