#include "cluster/node/authority.h"

#include <algorithm>
#include <functional>
#include <vector>

namespace larder::cluster {

void Authority::OnGrant(const NodeId& voter, const Grant& grant, BootTime sent) {
  std::erase_if(grants_,
                [&grant](const auto& entry) { return entry.first.second + 1 < grant.list_epoch; });
  const Held held{grant, sent + grant.lease};
  const auto [at, is_new] = grants_.try_emplace({voter, grant.list_epoch}, held);
  if (is_new) return;
  // Answers may come in another order than they were given in; what is newer is never shorter.
  if (at->second.grant.epoch != grant.epoch || held.until > at->second.until) at->second = held;
}

std::optional<BootTime> Authority::Until(const VoterList& list, const Epoch& epoch,
                                         uint64_t slot_map_version) const {
  const auto now = OfList(list, epoch, slot_map_version);
  const auto before = OfList(list.Before(), epoch, slot_map_version);
  return std::max(now, before);
}

std::optional<BootTime> Authority::OfList(const VoterList& list, const Epoch& epoch,
                                          uint64_t slot_map_version) const {
  std::vector<BootTime> until;
  for (const auto& [key, held] : grants_) {
    const auto& [voter, list_epoch] = key;
    if (list_epoch == list.epoch && list.Has(voter) && held.grant.epoch == epoch &&
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
