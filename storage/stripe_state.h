#ifndef LARDER_STORAGE_STRIPE_STATE_H_
#define LARDER_STORAGE_STRIPE_STATE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "storage/change.h"
#include "storage/entry_store.h"
#include "storage/lease_table.h"
#include "storage/log_room.h"
#include "storage/need.h"
#include "storage/operations.h"
#include "storage/random.h"
#include "storage/stripe_shared.h"
#include "storage/time.h"
#include "storage/version_source.h"

namespace larder::storage {

// All that a stripe's mutex guards. Not thread-safe.
class StripeState {
 public:
  StripeState(const EntryStoreOptions& options, const StripeShared& shared);

  // The last step of every mutation, which voids leases on what it changes, issues the version and
  // tells the log. What goes is removed from the store right after. Returns the version.
  // REQUIRES: HasRoom for the record.
  uint64_t Commit(const Change& change, TimePoint now, LogRoom& room);

  // All of an entry, as a kSet.
  static Mutation WholeOf(const Entry& entry);

  // Tells the log of what another node has committed and changes nothing here.
  // REQUIRES: HasRoom for the record.
  void Relay(const Mutation& mutation, LogRoom& room) {
    if (log_ != nullptr) Append(mutation, room);
  }

  // Counts, commits and removes an entry that makes room for others.
  void Evict(EntryRef victim, uint64_t hash, TimePoint now, LogRoom& room);
  // Counts and commits an entry that has expired; the store removes it afterwards.
  void CommitExpiry(EntryRef entry, TimePoint now, LogRoom& room);
  // Empties a slot at once and voids its leases; returns how many entries it had. `version` as in
  // Change.
  uint64_t FlushSlot(uint32_t slot, uint64_t version, TimePoint now, LogRoom& room);

  // Another node has the slot, which voids its leases here, or this one.
  void SetOwned(uint32_t slot, bool owned, TimePoint now);
  bool Owns(uint32_t slot) const { return foreign_.empty() || !foreign_[slot / stripes_]; }

  // What this node lacks to carry out a command of its own on a key of this slot.
  Need CheckRight(uint32_t slot) const {
    if (!Owns(slot)) [[unlikely]]
      return Need::kSlot;
    if (!HasAuthority()) [[unlikely]]
      return Need::kAuthority;
    return Need::kNothing;
  }
  bool HasAuthority() const { return authority_ == nullptr || authority_->Holds(); }

  // Who is told of every mutation from now on; nullptr: nobody.
  void SetLog(MutationSink* log);
  const MutationSink* log() const { return log_; }
  // Whether the log has no record of this slot from there on. What it had before it kept this log
  // may be as new as that; without a log nothing is known.
  bool IsUnchangedSince(uint64_t sequence, uint32_t slot) const {
    return logged_to_ != nullptr && logged_to_[slot / stripes_] <= sequence;
  }
  // Whether a record of this size can be committed with what is reserved.
  bool HasRoom(const LogRoom& room, size_t key_bytes, size_t value_bytes) const {
    return log_ == nullptr || room.HasFor(log_, log_->RoomFor(key_bytes, value_bytes));
  }

  uint64_t UsedBytes() const { return store.used_bytes() + leases.memory_bytes(); }

  EntryStore store;
  LeaseTable leases;
  VersionSource versions;
  KeyspaceStats stats;  // all but `entries` and `leases`
  Random random;
  uint64_t slack_bytes = 0;  // reserved in the budget, for what comes next

 private:
  void Tell(const Change& change, uint64_t version, LogRoom& room);
  // The one place where records come from.
  void Append(const Mutation& mutation, LogRoom& room) {
    room.Append(mutation);
    logged_to_[mutation.slot / stripes_] = room.end();
  }

  const uint32_t stripes_;
  const WriteAuthority* const authority_;  // nullptr: always
  MutationSink* log_ = nullptr;
  // By slot / stripes_: behind the last record of the slot, or where the log began. With a log
  // only.
  std::unique_ptr<uint64_t[]> logged_to_;
  std::vector<bool> foreign_;  // by slot / stripes_; empty: no slot is
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_STRIPE_STATE_H_
