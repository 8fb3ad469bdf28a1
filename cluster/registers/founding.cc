#include "cluster/registers/founding.h"

#include <algorithm>

namespace larder::cluster {
namespace {

// Fewer shards than this, and all founders are voters.
constexpr size_t kPrimariesMin = 3;

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
  size_t count = shards >= kPrimariesMin ? shards : founders.size();
  count = std::min(count, VoterList::kVotersMax);
  // An even number survives no more than the odd one below it.
  if (count % 2 == 0 && count > 2) --count;
  for (size_t i = 0; i < count; ++i) list.voters.push_back(founders[i].node);
  std::sort(list.voters.begin(), list.voters.end());
  return list;
}

}  // namespace larder::cluster
