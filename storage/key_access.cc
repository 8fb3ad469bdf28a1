#include "storage/key_access.h"

#include <algorithm>

#include "storage/decimal.h"

namespace larder::storage {

Need KeyAccess::NeedMemoryToWrite(uint64_t missing, size_t value_bytes, const EntryFields& fields) {
  // What grows by its fields, or is a number, can take only so much, however often it is changed.
  const bool grows = !entry_ || value_bytes > std::max(entry_->value_bytes(), Digits::kBytesMax);
  return NeedMemory(missing, state_.store.WriteCostAlone(key_, entry_, value_bytes, fields),
                    grows ? KeptMemory::kNone : KeptMemory::kAll);
}

Need KeyAccess::NeedMemory(uint64_t missing, uint64_t alone, KeptMemory kept) {
  if (credit_.takes_kept && operation_.PayFromKept(missing, kept, credit_)) return Need::kNothing;
  credit_.kept = kept;
  if (live_) state_.store.Accessed(live_, now_);
  credit_.memory_missing = missing;
  credit_.memory_alone = alone;
  return Need::kMemory;
}

Need KeyAccess::FindLogRoom(size_t value_bytes) {
  const MutationSink* const log = state_.log();
  uint64_t bytes = log->RoomFor(key_.key.size(), value_bytes);
  if (makes_way_) bytes += log->RoomFor(makes_way_->key_bytes(), 0);
  if (credit_.log_room.HasFor(log, bytes)) return Need::kNothing;
  credit_.log_room_wanted = bytes;
  return Need::kLogRoom;
}

Need KeyAccess::FindObstacle(size_t value_bytes, const EntryFields& fields) {
  Need need = Need::kNothing;
  if (state_.store.IsTooCrowdedFor(entry_, value_bytes, fields)) {
    need = Need::kStripeRoom;
  } else if (!entry_) {
    const HashRun run = state_.store.RunOf(key_, now_);
    if (run.entries < kEqualHashesMax) return Need::kNothing;
    if (credit_.evicts) makes_way_ = run.victim;
    if (!makes_way_) need = Need::kEqualHashes;
  }
  credit_.memory_missing = state_.store.WriteCost(key_, entry_, value_bytes, fields) + 1;
  return need;
}

bool KeyAccess::PayForFields(const EntryFields& fields) {
  const EntryStore& store = state_.store;
  const size_t value_bytes = live_->value_bytes();
  Credit none(nullptr);
  const uint64_t missing = operation_.Pay(store.WriteCost(key_, live_, value_bytes, fields), none);
  const bool may_evict = store.has_detached() || store.VictimRank() != EvictionPolicy::kNoVictim;
  if (!store.CanRewrite(live_, value_bytes, fields)) return false;
  return missing == 0 || may_evict || operation_.PayFromKept(missing, KeptMemory::kAll, none);
}

EntryRef KeyAccess::WriteFields(const EntryFields& fields) {
  const size_t value_bytes = entry_->value_bytes();
  return state_.store.Rewrite(entry_, key_.hash, value_bytes, fields, value_bytes, now_);
}

}  // namespace larder::storage
