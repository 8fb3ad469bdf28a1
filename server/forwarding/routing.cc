#include "server/forwarding/routing.h"

#include <algorithm>
#include <utility>

namespace larder::server {

std::shared_ptr<const Routing> Routing::AllOf(SlotOwner owner, uint64_t topology_version) {
  std::vector<SlotOwner> owners;
  owners.push_back(std::move(owner));
  return std::shared_ptr<const Routing>(new Routing(std::move(owners), nullptr, topology_version));
}

std::shared_ptr<const Routing> Routing::BySlot(std::vector<SlotOwner> owners,
                                               const ShardOfSlot& shard_of_slot,
                                               uint64_t topology_version) {
  return std::shared_ptr<const Routing>(new Routing(
      std::move(owners), std::make_unique<const ShardOfSlot>(shard_of_slot), topology_version));
}

Routing::Routing(std::vector<SlotOwner> owners, std::unique_ptr<const ShardOfSlot> shard_of_slot,
                 uint64_t topology_version)
    : topology_version_(topology_version),
      owners_(std::move(owners)),
      shard_of_slot_(std::move(shard_of_slot)),
      is_all_here_(std::all_of(owners_.begin(), owners_.end(), [](const SlotOwner& owner) {
        return owner.place == SlotOwner::Place::kHere;
      })) {}

}  // namespace larder::server
