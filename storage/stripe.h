#ifndef LARDER_STORAGE_STRIPE_H_
#define LARDER_STORAGE_STRIPE_H_

#include <atomic>
#include <cstdint>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "storage/entry_store.h"
#include "storage/hashed_key.h"
#include "storage/hybrid_clock.h"
#include "storage/key_hasher.h"
#include "storage/lease_table.h"
#include "storage/memory_budget.h"
#include "storage/mutex.h"
#include "storage/operations.h"
#include "storage/random.h"
#include "storage/stripe_shared.h"
#include "storage/time.h"

namespace larder::storage {

// What a stripe tells the others, so that a writer finds the coldest victim without their locks.
struct StripeSignal {
  std::atomic<int64_t> victim_rank{EvictionPolicy::kNoVictim};
  std::atomic<uint64_t> evictable{0};
};

// What Reclaim did. The bytes freed stay reserved for the caller; they may be 0.
struct Eviction {
  bool done = false;
  uint64_t freed_bytes = 0;
};

// What one Scan may still do.
struct ScanBudget {
  size_t entries = 0;
  size_t bytes = 0;
  size_t visits = 0;
  bool any = false;   // an entry was given out: only then may the next one not fit
  bool full = false;  // the answer takes no more
};

// A lock stripe: some slots of the keyspace with their entries, leases and eviction state.
// Thread-safe; one mutex. Operations behave as Keyspace says. Those that may need memory take a
// credit and return how many bytes are missing, 0 when done: then `result` holds the answer. While
// bytes are missing nothing has changed and the caller may evict (from any stripe), add to the
// credit and try again.
class Stripe {
 public:
  Stripe(const EntryStoreOptions& options, const StripeShared& shared, StripeSignal* signal);
  ~Stripe();

  // As those of EntryStore.
  void PrefetchTable(uint32_t slot) const ABSL_NO_THREAD_SAFETY_ANALYSIS {
    store_.PrefetchTable(slot);
  }
  void PrefetchCells(const HashedKey& key) const;
  void PrefetchEntry(const HashedKey& key) const;

  GetOutcome Get(const HashedKey& key, TimePoint now, ValueSink& sink);
  uint64_t Set(const HashedKey& key, std::string_view value, const SetOptions& options,
               TimePoint now, MemoryCredit& credit, SetResult& result);
  DeleteResult Delete(const HashedKey& key, const DeleteOptions& options, TimePoint now);
  uint64_t Touch(const HashedKey& key, TimePoint expires_at, TimePoint now, MemoryCredit& credit,
                 TouchResult& result);
  uint64_t Lease(const HashedKey& key, const LeaseOptions& options, TimePoint now, ValueSink& sink,
                 MemoryCredit& credit, absl::StatusOr<LeaseResult>& result);
  uint64_t Increment(const HashedKey& key, const IncrementOptions& options, TimePoint now,
                     MemoryCredit& credit, absl::StatusOr<IncrementResult>& result);
  uint64_t Append(const HashedKey& key, std::string_view bytes, const AppendOptions& options,
                  TimePoint now, MemoryCredit& credit, absl::StatusOr<AppendResult>& result);

  // Compacts if that frees memory, else evicts: one entry if any may be evicted, or a few small
  // ones, for more than `bytes_wanted` if they free so much.
  Eviction Reclaim(TimePoint now, uint64_t bytes_wanted);
  // Removes some expired entries and leases while the budget lasts; returns how many, and whether
  // there may be more.
  size_t Expire(TimePoint now, SweepBudget& budget, bool* more);
  // Removes entries of a slot, from this hash on, at most `removals_max`; returns how many, and
  // moves the position on.
  size_t FlushSlot(ScanPosition& from, size_t removals_max);
  void VoidLeasesOf(uint32_t slot);
  void VoidLeases();

  // Gives the sink the entries of slot `from.slot` with hash >= `from.hash` while the budget lasts.
  // Returns where to go on.
  ScanPosition ScanSlot(ScanPosition from, const ScanOptions& options, ScanBudget& budget,
                        TimePoint now, ScanSink& sink) const;

  SlotStats StatsOfSlot(uint32_t slot) const;
  void AddStatsTo(KeyspaceStats& stats) const;
  void AddMemoryTo(MemoryUsage& usage) const;

 private:
  class Operation;

  struct Found {
    EntryRef entry;      // in whatever state
    EntryRef live;       // the same, if live
    EntryRef makes_way;  // to be evicted before one with this key is created
  };

  uint64_t UsedBytes() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return store_.used_bytes() + leases_.memory_bytes();
  }
  Found Find(const HashedKey& key, TimePoint now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The fields that a change of this entry keeps.
  static EntryFields FieldsOf(const Found& found);
  SetResult::Outcome Check(const HashedKey& key, const Condition& condition, EntryRef live,
                           TimePoint now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // How long a Set under this condition took to recompute its value, or the value before it.
  // REQUIRES: the condition holds.
  uint32_t RecomputeTime(const HashedKey& key, const Condition& condition, const Found& found,
                         TimePoint now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Pays, or returns how many bytes are missing. Then the entry at hand counts as used, so that the
  // room for its own new value is not the first to be made by evicting it.
  uint64_t PayForWrite(Operation& operation, const Found& found, uint64_t cost,
                       MemoryCredit& credit, TimePoint now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Looks for what keeps an entry with this key, a value of this size and these fields from being
  // written in place of `found`, whatever memory there is. Returns 0 if there is nothing, else how
  // many bytes should be freed; the credit says why.
  uint64_t Obstacle(const HashedKey& key, Found& found, size_t value_bytes,
                    const EntryFields& fields, MemoryCredit& credit, TimePoint now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (found.entry && !store_.is_short_of_segments()) [[likely]]
      return 0;
    return FindObstacle(key, found, value_bytes, fields, credit, now);
  }
  uint64_t FindObstacle(const HashedKey& key, Found& found, size_t value_bytes,
                        const EntryFields& fields, MemoryCredit& credit, TimePoint now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Counts and removes an entry that makes room for others.
  void Evict(EntryRef victim, uint64_t hash, TimePoint now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Gives the key a new version, these fields, and room for the value, whose first `kept_bytes` are
  // kept from `found`. Voids a lease on it.
  EntryRef Write(const HashedKey& key, const Found& found, size_t value_bytes,
                 const EntryFields& fields, size_t kept_bytes, TimePoint now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  EntryRef SetFields(const HashedKey& key, EntryRef entry, const EntryFields& fields, TimePoint now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Publish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const StripeShared shared_;
  StripeSignal* const signal_;
  const bool samples_;       // the policy looks at some entries for each victim
  const bool ranks_by_use_;  // a Get may change which victim is next
  mutable Mutex mutex_;
  EntryStore store_ ABSL_GUARDED_BY(mutex_);
  LeaseTable leases_ ABSL_GUARDED_BY(mutex_);
  KeyspaceStats stats_ ABSL_GUARDED_BY(mutex_);  // all but `entries` and `leases`
  Random random_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_STRIPE_H_
