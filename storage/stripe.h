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
#include "storage/lease_table.h"
#include "storage/memory_budget.h"
#include "storage/mutex.h"
#include "storage/operations.h"
#include "storage/random.h"
#include "storage/time.h"

namespace larder::storage {

// What all stripes of a keyspace share. Everything outlives the stripes.
struct StripeShared {
  MemoryBudget* budget = nullptr;
  HybridClock* clock = nullptr;
  std::atomic<uint64_t>* leases = nullptr;       // outstanding, over all stripes
  std::atomic<uint64_t>* lease_bytes = nullptr;  // their memory
  uint64_t leases_max = 0;

  // Leases can not be evicted, so they may use a part of the budget only.
  uint64_t lease_bytes_max() const { return budget->limit_bytes() / 8; }
};

// What a stripe tells the others, so that a writer finds the coldest victim without their locks.
struct StripeSignal {
  std::atomic<int64_t> victim_rank{EvictionPolicy::kNoVictim};
  std::atomic<uint64_t> evictable{0};
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

  // Evicts one entry. Returns the bytes it freed, which stay reserved for the caller; 0: there was
  // none to evict.
  uint64_t Evict(TimePoint now);
  // Removes expired entries and leases, at most `removals_max`; returns how many.
  size_t Expire(TimePoint now, size_t removals_max);
  uint64_t FlushSlot(uint32_t slot);
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
    Entry* entry = nullptr;  // in whatever state
    Entry* live = nullptr;   // the same, if live
  };

  uint64_t UsedBytes() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return store_.used_bytes() + leases_.memory_bytes();
  }
  Found Find(const HashedKey& key, TimePoint now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  SetResult::Outcome Check(const HashedKey& key, const Condition& condition, const Entry* live,
                           TimePoint now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  uint64_t WriteCost(const HashedKey& key, const Entry* entry, size_t value_bytes,
                     TimePoint expires_at) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Pays, or returns how many bytes are missing. Then the entry at hand counts as used, so that the
  // room for its own new value is not the first to be made by evicting it.
  uint64_t PayForWrite(Operation& operation, const Found& found, uint64_t cost,
                       MemoryCredit& credit, TimePoint now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Gives the key a new version, this expiry, and room for the value, whose common head is kept
  // from `found`. Voids a lease on it.
  Entry& Write(const HashedKey& key, const Found& found, size_t value_bytes, TimePoint expires_at,
               TimePoint now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // OK if one more lease of this many bytes may be granted.
  absl::Status CheckLeaseLimits(uint64_t bytes) const;
  bool RefreshesEarly(const Entry& live, double beta, TimePoint now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Publish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const StripeShared shared_;
  StripeSignal* const signal_;
  mutable Mutex mutex_;
  EntryStore store_ ABSL_GUARDED_BY(mutex_);
  LeaseTable leases_ ABSL_GUARDED_BY(mutex_);
  KeyspaceStats stats_ ABSL_GUARDED_BY(mutex_);  // all but `entries` and `leases`
  Random random_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_STRIPE_H_
