#ifndef LARDER_STORAGE_KEY_ACCESS_H_
#define LARDER_STORAGE_KEY_ACCESS_H_

#include <cstddef>
#include <cstdint>

#include "storage/entry.h"
#include "storage/hashed_key.h"
#include "storage/location.h"
#include "storage/mutation.h"
#include "storage/need.h"
#include "storage/stripe_operation.h"
#include "storage/stripe_shared.h"
#include "storage/stripe_state.h"
#include "storage/time.h"

namespace larder::storage {

// One command's hold on one key, under its stripe's lock. A command that changes something looks,
// then Prepares, and if that needs nothing Writes (or Removes) and Commits; until Prepare has
// succeeded it changes nothing. Not thread-safe.
class KeyAccess {
 public:
  KeyAccess(StripeOperation& operation, const HashedKey& key, TimePoint now, Credit& credit)
      : operation_(operation),
        state_(operation.state()),
        key_(key),
        now_(now),
        credit_(credit),
        entry_(state_.store.Find(key)),
        live_(entry_ && entry_->LiveAt(now) ? entry_ : EntryRef()) {}

  // The entry in whatever state, and the same if it is live.
  EntryRef entry() const { return entry_; }
  EntryRef live() const { return live_; }
  TimePoint now() const { return now_; }
  const HashedKey& key() const { return key_; }
  StripeState& state() { return state_; }
  const StripeShared& shared() const { return operation_.shared(); }

  // The fields that a change of the entry keeps.
  EntryFields fields() const {
    if (live_) return live_->fields();
    return {.recompute_ms = entry_ ? entry_->recompute_ms() : 0};
  }

  // Finds all that is needed to write a value of this size with these fields, and pays for it.
  Need Prepare(size_t value_bytes, const EntryFields& fields) {
    return Prepare(value_bytes, fields, /*logged_bytes=*/value_bytes);
  }
  // Likewise to write fields of the entry and keep its value, to remove it, or to grant a lease.
  Need PrepareFields(const EntryFields& fields) {
    return Prepare(entry_->value_bytes(), fields, /*logged_bytes=*/0);
  }
  Need PrepareRecord() { return NeedLogRoom(/*value_bytes=*/0); }
  Need PrepareLease(size_t bytes) {
    const uint64_t missing = operation_.Pay(bytes, credit_);
    if (missing == 0) return Need::kNothing;
    return NeedMemory(missing, /*alone=*/bytes, entry_ ? KeptMemory::kHalf : KeptMemory::kNone);
  }
  // Tries to pay for these fields of the live entry, which are to be written in any case unless
  // false comes back: then nothing can make room for them.
  bool PayForFields(const EntryFields& fields);

  // Gives the key these fields and room for the value, whose first `kept_bytes` are kept from the
  // live entry. REQUIRES: Prepare.
  EntryRef Write(size_t value_bytes, const EntryFields& fields, size_t kept_bytes) {
    EntryStore& store = state_.store;
    if (!entry_) {
      if (makes_way_) state_.Evict(makes_way_, key_.hash, now_, credit_.log_room);
      return store.Create(key_, value_bytes, fields, now_);
    }
    const bool was_stale = entry_->stale();
    const EntryRef entry = store.Rewrite(entry_, key_.hash, value_bytes, fields, kept_bytes, now_);
    if (live_) {
      store.Accessed(entry, now_);
    } else {
      if (!was_stale) ++state_.stats.expirations;
      entry->set_stale(false);
      store.Renewed(entry, now_);
    }
    return entry;
  }
  // Gives the entry these fields.
  EntryRef WriteFields(const EntryFields& fields);

  // Each is a last step: see StripeState::Commit. A `version` of 0 is drawn.
  uint64_t Commit(MutationKind kind, EntryRef entry, uint64_t version = 0) {
    return state_.Commit({kind, key_.slot, key_.key, entry, version}, now_, credit_.log_room);
  }
  void CommitAndRemove(MutationKind kind, uint64_t version = 0) {
    Commit(kind, entry_, version);
    state_.store.Remove(entry_, key_.hash);
  }
  // For what another node has committed and changes nothing here. REQUIRES: PrepareRecord.
  void Relay(const Mutation& mutation) const { state_.Relay(mutation, credit_.log_room); }
  // Where the log goes on behind what was committed; 0: nobody keeps one.
  uint64_t log_end() const { return credit_.log_room.end(); }
  // For what changes no entry, but is a change to those who hold a lease on the key.
  void VoidLease() { state_.leases.Void(key_.key); }

 private:
  // `logged_bytes`: of the value, in the record.
  Need Prepare(size_t value_bytes, const EntryFields& fields, size_t logged_bytes) {
    if (!entry_ || state_.store.is_short_of_segments()) {
      if (const Need need = FindObstacle(value_bytes, fields); need != Need::kNothing) return need;
    }
    if (const Need need = NeedLogRoom(logged_bytes); need != Need::kNothing) return need;
    const uint64_t missing =
        operation_.Pay(state_.store.WriteCost(key_, entry_, value_bytes, fields), credit_);
    if (missing == 0) [[likely]]
      return Need::kNothing;
    return NeedMemoryToWrite(missing, value_bytes, fields);
  }
  Need NeedMemoryToWrite(uint64_t missing, size_t value_bytes, const EntryFields& fields);
  // Takes what is kept if that is all there is, or says how many bytes are missing, and what Credit
  // calls alone. The entry at hand counts as used then, so that the room for its own new value is
  // not the first to be made by evicting it.
  Need NeedMemory(uint64_t missing, uint64_t alone, KeptMemory kept);
  Need NeedLogRoom(size_t value_bytes) {
    if (state_.log() == nullptr) [[likely]]
      return Need::kNothing;
    return FindLogRoom(value_bytes);
  }
  Need FindLogRoom(size_t value_bytes);
  // Looks for what keeps this from being written, whatever memory there is; may choose an entry
  // that is to make way.
  Need FindObstacle(size_t value_bytes, const EntryFields& fields);

  StripeOperation& operation_;
  StripeState& state_;
  const HashedKey& key_;
  const TimePoint now_;
  Credit& credit_;
  EntryRef entry_;
  EntryRef live_;
  EntryRef makes_way_;  // to be evicted before an entry with this key is created
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_KEY_ACCESS_H_
