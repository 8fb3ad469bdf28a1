#ifndef LARDER_CLUSTER_REGISTERS_SLOT_MAP_H_
#define LARDER_CLUSTER_REGISTERS_SLOT_MAP_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "cluster/registers/shard_register.h"

namespace larder::cluster {

// Which shard owns which slot. Immutable; each version is made from the one before.
class SlotMap {
 public:
  static constexpr uint32_t kSlots = 16384;

  // Slots from `first` up to the next run's are the shard's. Absent: nobody's.
  struct Run {
    uint32_t first = 0;
    std::optional<ShardId> shard;
    friend bool operator==(const Run&, const Run&) = default;
  };

  SlotMap() : runs_{{0, std::nullopt}} {}
  // INVALID_ARGUMENT: the first run does not begin at slot 0, or they do not rise, or pass 16383.
  static absl::StatusOr<SlotMap> Create(uint64_t version, std::vector<Run> runs);
  // All slots in equal runs for the shards 0 to `shards` - 1. REQUIRES: 1 to kSlots shards.
  static SlotMap Even(uint64_t version, uint32_t shards);

  uint64_t version() const { return version_; }
  const std::vector<Run>& runs() const { return runs_; }
  // REQUIRES: a slot.
  std::optional<ShardId> ShardOf(uint32_t slot) const;
  // The next version, in which slots `first` to `last` are the shard's. REQUIRES: first <= last, a
  // slot.
  SlotMap With(uint32_t first, uint32_t last, std::optional<ShardId> shard) const;
  uint32_t SlotsOf(ShardId shard) const;

  friend bool operator==(const SlotMap&, const SlotMap&) = default;

 private:
  uint64_t version_ = 0;
  std::vector<Run> runs_;  // neighbours differ
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REGISTERS_SLOT_MAP_H_
