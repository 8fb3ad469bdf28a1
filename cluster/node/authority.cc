#include "cluster/node/authority.h"

#include <algorithm>
#include <functional>
#include <vector>

namespace larder::cluster {

void Authority::OnGrant(const NodeId& voter, const Grant& grant, BootTime sent) {
  const Held held{grant, sent + grant.lease};
  const auto [at, is_new] = grants_.try_emplace(voter, held);
  if (is_new) return;
  const bool is_other =
      at->second.grant.epoch != grant.epoch || at->second.grant.list_epoch != grant.list_epoch;
  // Answers may come in another order than they were given in; what is newer is never shorter.
  if (is_other || held.until > at->second.until) at->second = held;
}

std::optional<BootTime> Authority::Until(const VoterList& list, const Epoch& epoch,
                                         uint64_t slot_map_version) const {
  std::vector<BootTime> until;
  for (const auto& [voter, held] : grants_) {
    if (list.Has(voter) && held.grant.epoch == epoch && held.grant.list_epoch == list.epoch &&
        held.grant.slot_map_version <= slot_map_version) {
      until.push_back(held.until);
    }
  }
  const size_t majority = list.Majority();
  if (until.size() < majority) return std::nullopt;
  std::nth_element(until.begin(), until.begin() + static_cast<std::ptrdiff_t>(majority - 1),
                   until.end(), std::greater<>());
  return until[majority - 1];
}

}  // namespace larder::cluster
