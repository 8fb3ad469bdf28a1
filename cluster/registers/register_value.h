#ifndef LARDER_CLUSTER_REGISTERS_REGISTER_VALUE_H_
#define LARDER_CLUSTER_REGISTERS_REGISTER_VALUE_H_

#include <compare>
#include <cstdint>
#include <memory>
#include <variant>

#include "cluster/registers/ballot.h"
#include "cluster/registers/founding.h"
#include "cluster/registers/shard_register.h"
#include "cluster/registers/slot_map.h"
#include "cluster/registers/voter_list.h"

namespace larder::cluster {

// Which register. A voter list is succeeded once, so each has a register of its own for that.
struct RegisterKey {
  enum class Kind : uint8_t { kShard, kSlotMap, kSuccessor, kFounding };
  Kind kind = Kind::kShard;
  uint64_t number = 0;  // of the shard; 0; the epoch of the list that is succeeded; 0

  friend auto operator<=>(const RegisterKey&, const RegisterKey&) = default;
  static RegisterKey OfShard(ShardId shard) { return {Kind::kShard, static_cast<uint64_t>(shard)}; }
  static RegisterKey OfSlotMap() { return {Kind::kSlotMap, 0}; }
  static RegisterKey OfSuccessor(uint64_t list_epoch) { return {Kind::kSuccessor, list_epoch}; }
  static RegisterKey OfFounding() { return {Kind::kFounding, 0}; }
  ShardId shard() const { return ShardId(static_cast<uint32_t>(number)); }
};

// Nothing: none was accepted.
using RegisterValue = std::variant<std::monostate, ShardRegister, std::shared_ptr<const SlotMap>,
                                   VoterList, std::shared_ptr<const Founding>>;

// What a voter holds of one register.
struct RegisterState {
  Ballot promised;
  Ballot accepted;  // of `value`
  RegisterValue value;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REGISTERS_REGISTER_VALUE_H_
