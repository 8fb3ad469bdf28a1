#ifndef LARDER_STORAGE_NEED_H_
#define LARDER_STORAGE_NEED_H_

#include <cstdint>

#include "storage/log_room.h"

namespace larder::storage {

// Why an attempt at a command has changed nothing.
enum class [[nodiscard]] Need : uint8_t {
  kNothing,      // it is done
  kMemory,       // Credit says how much
  kStripeRoom,   // the stripe has no place for another record until some of its own are evicted
  kEqualHashes,  // kEqualHashesMax keys have this hash, and none of them may be evicted
  kLogRoom,      // Credit says how much
  kSlot,         // another node owns it
  kAuthority,
};

// How much a command may take of what the budget keeps for small changes of what is there.
enum class KeptMemory : uint8_t { kNone, kHalf, kAll };

// What one command has got so far and not spent yet, and what it still lacks. In bytes.
struct Credit {
  // `evicts`: other entries may go for the command. Never for a copy, which learns from the log
  // what has gone.
  explicit Credit(AttachedLog* log, bool may_evict = true) : log_room(log), evicts(may_evict) {}

  uint64_t memory_bytes = 0;  // reserved, or freed by eviction
  LogRoom log_room;
  const bool evicts;
  uint64_t memory_missing = 0;          // after kMemory and kStripeRoom
  uint64_t memory_alone = 0;            // after kMemory: in all, if what may be evicted were gone
  uint64_t log_room_wanted = 0;         // after kLogRoom: in all
  KeptMemory kept = KeptMemory::kNone;  // after kMemory: what of it could pay
  bool takes_kept = false;              // nothing else can be had
  int stripe_room_tries = 0;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_NEED_H_
