#ifndef LARDER_SERVER_FORWARDING_ROUTING_H_
#define LARDER_SERVER_FORWARDING_ROUTING_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cluster/hash_slot.h"

namespace larder::server {

// Who answers for the slots of a shard.
struct SlotOwner {
  enum class Place : uint8_t {
    kHere,
    kPeer,
    kNobody,  // known to this node
  };

  Place place = Place::kHere;
  std::string endpoint = {};   // kPeer: HOST:PORT of its client port
  bool has_copy_here = false;  // not kHere: this node is a replica of who owns it
};

// Who owns each slot, as this node knows it: slot -> shard -> owner. An immutable snapshot.
class Routing {
 public:
  using ShardOfSlot = std::array<uint16_t, cluster::kHashSlots>;  // an index of the owners

  // All slots have one owner.
  static std::shared_ptr<const Routing> AllOf(SlotOwner owner, uint64_t topology_version);
  static std::shared_ptr<const Routing> AllHere(uint64_t topology_version) {
    return AllOf({}, topology_version);
  }
  static std::shared_ptr<const Routing> AllAt(std::string endpoint, uint64_t topology_version) {
    return AllOf({SlotOwner::Place::kPeer, std::move(endpoint)}, topology_version);
  }
  // REQUIRES: each of `shard_of_slot` is below owners.size().
  static std::shared_ptr<const Routing> BySlot(std::vector<SlotOwner> owners,
                                               const ShardOfSlot& shard_of_slot,
                                               uint64_t topology_version);

  uint64_t topology_version() const { return topology_version_; }
  bool is_all_here() const { return is_all_here_; }
  // Of all slots; nullptr: they have several.
  const SlotOwner* sole_owner() const { return owners_.size() == 1 ? &owners_.front() : nullptr; }
  // REQUIRES: slot < kHashSlots.
  const SlotOwner& OwnerOf(uint32_t slot) const {
    return owners_.size() == 1 ? owners_.front() : owners_[(*shard_of_slot_)[slot]];
  }

 private:
  Routing(std::vector<SlotOwner> owners, std::unique_ptr<const ShardOfSlot> shard_of_slot,
          uint64_t topology_version);

  const uint64_t topology_version_;
  const std::vector<SlotOwner> owners_;                     // at least one
  const std::unique_ptr<const ShardOfSlot> shard_of_slot_;  // nullptr: there is one owner
  const bool is_all_here_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_FORWARDING_ROUTING_H_
