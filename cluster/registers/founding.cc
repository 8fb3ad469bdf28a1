#include "cluster/registers/founding.h"

#include <algorithm>

namespace larder::cluster {
namespace {

// Fewer shards than this, and all founders are voters.
constexpr size_t kPrimariesMin = 3;
// Fewer founders than this, and those who lead do so for good.
constexpr size_t kMajorityFrom = 3;

}  // namespace

bool Founding::Has(const NodeId& node) const {
  return std::any_of(founders.begin(), founders.end(),
                     [&node](const Founder& founder) { return founder.node == node; });
}

ShardRegister Founding::FirstRegister(ShardId shard) const {
  ShardRegister value;
  value.version = 1;
  value.epoch = {1, 0, founders[static_cast<size_t>(shard)].node};
  return value;
}

VoterList Founding::FirstVoters() const {
  VoterList list;
  list.epoch = 1;
  if (founders.size() < kMajorityFrom) {
    for (uint32_t shard = 0; shard < shards; ++shard) {
      list.voters.push_back(founders[shard].node);
      list.permanent.push_back({ShardId(shard), founders[shard].node});
    }
    std::sort(list.voters.begin(), list.voters.end());
    return list;
  }
  size_t count = shards >= kPrimariesMin ? shards : founders.size();
  count = std::min(count, VoterList::kVotersMax);
  // An even number survives no more than the odd one below it.
  if (count % 2 == 0 && count > 2) --count;
  for (size_t i = 0; i < count; ++i) list.voters.push_back(founders[i].node);
  std::sort(list.voters.begin(), list.voters.end());
  return list;
}

}  // namespace larder::cluster
