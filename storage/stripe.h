#ifndef LARDER_STORAGE_STRIPE_H_
#define LARDER_STORAGE_STRIPE_H_

#include <atomic>
#include <cstdint>
#include <limits>

#include "absl/base/thread_annotations.h"
#include "storage/entry_store.h"
#include "storage/hashed_key.h"
#include "storage/log_room.h"
#include "storage/mutex.h"
#include "storage/need.h"
#include "storage/operations.h"
#include "storage/stripe_shared.h"
#include "storage/stripe_state.h"
#include "storage/time.h"

namespace larder::storage {

// What a stripe tells the others, so that a writer finds the coldest victim without their locks.
struct StripeSignal {
  // The rank of a stripe that can free memory without an eviction: such come first.
  static constexpr int64_t kWithoutEviction = std::numeric_limits<int64_t>::min();

  std::atomic<int64_t> victim_rank{EvictionPolicy::kNoVictim};
  std::atomic<uint64_t> evictable{0};
};

// What Reclaim did. The bytes freed stay reserved for the caller; they may be 0.
struct Eviction {
  bool done = false;
  // Why no more was evicted: no room in the log that the stripe keeps, which may be another one.
  bool lacks_log_room = false;
  bool lacks_authority = false;
  size_t evicted = 0;  // entries
  uint64_t freed_bytes = 0;
};

// What evictions would come to, in bytes.
struct EvictableMemory {
  uint64_t evictable = 0;  // would be freed if all entries went that may be evicted
  uint64_t staying = 0;    // would be in use then
  bool keeps = false;      // some of that are entries or leases, which may go in other ways
};

// What one walk over a slot may still do.
struct WalkBudget {
  size_t entries = 0;
  size_t bytes = 0;
  size_t visits = 0;
  bool any = false;   // an entry was given out: only then may the next one not fit
  bool full = false;  // the answer takes no more
};

// A lock stripe: some slots of the keyspace with their entries, leases and eviction state.
// Thread-safe; one mutex. Operations behave as Keyspace says.
class Stripe {
 public:
  Stripe(const EntryStoreOptions& options, const StripeShared& shared, StripeSignal* signal);
  ~Stripe();

  // What EntryStore says of them.
  void PrefetchTable(uint32_t slot) const ABSL_NO_THREAD_SAFETY_ANALYSIS {
    state_.store.PrefetchTable(slot);
  }
  void PrefetchCells(const HashedKey& key) const;
  void PrefetchEntry(const HashedKey& key) const;

  GetOutcome Get(const HashedKey& key, TimePoint now, ValueSink& sink);
  // Tries to carry out a command (commands.h). If that needs something nothing has changed: the
  // caller may find it, under no lock, and try again.
  template <typename Command>
  Need Attempt(Command& command, const HashedKey& key, TimePoint now, Credit& credit);

  // Removes what is detached, or compacts if that frees memory, else evicts: one entry if any may
  // be evicted, or a few small ones, for more than `bytes_wanted` if they free so much. Stops when
  // the log might not have room for the next victim.
  // Without `evicts` only the first two.
  Eviction Reclaim(TimePoint now, uint64_t bytes_wanted, bool evicts, LogRoom& log_room);
  // Removes some expired entries, leases, and what is detached, while the budget lasts and the log
  // has room; returns how many of the first two, and whether there may be more.
  size_t Expire(TimePoint now, SweepBudget& budget, LogRoom& log_room, bool* more);
  // Empties a slot and voids its leases; sets how many entries it had. `version` as in Change.
  Need FlushSlot(uint32_t slot, uint64_t version, TimePoint now, Credit& credit, uint64_t* entries);
  // Removes something of what the slot had before, if it was flushed often. To be called until it
  // returns true.
  bool PrepareFlush(uint32_t slot);
  void SetOwned(uint32_t slot, bool owned, TimePoint now);
  void SetLog(MutationSink* log);

  // Gives the sink the live entries of slot `from.slot` with hash >= `from.hash` while the budget
  // lasts. Returns where to go on.
  ScanPosition ScanSlot(ScanPosition from, const ScanOptions& options, WalkBudget& budget,
                        TimePoint now, ScanSink& sink) const;
  // Likewise all entries as they are. Also returns where the log stands then.
  ExportedPart ExportSlot(ScanPosition from, WalkBudget& budget, ExportSink& sink) const;

  // What can be said of a slot that has not to be read: as Keyspace::RunOfSlots has it.
  struct SlotState {
    bool is_unchanged = false;
    bool is_empty = false;
    uint64_t log_position = 0;
  };
  SlotState StateOfSlot(uint32_t slot, uint64_t since) const;

  SlotStats StatsOfSlot(uint32_t slot) const;
  void AddStatsTo(KeyspaceStats& stats) const;
  void AddMemoryTo(MemoryUsage& usage) const;
  void AddEvictableTo(EvictableMemory& memory) const;

 private:
  friend class StripeOperation;

  // Calls give(entry, value_bytes) for the entries of the slot that match, while the budget lasts.
  // Returns where to go on.
  template <typename Matches, typename Give>
  ScanPosition Walk(ScanPosition from, bool keys_only, WalkBudget& budget, Matches&& matches,
                    Give&& give) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Publish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const StripeShared shared_;
  StripeSignal* const signal_;
  const bool samples_;       // the policy looks at some entries for each victim
  const bool ranks_by_use_;  // a Get may change which victim is next
  mutable Mutex mutex_;
  StripeState state_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_STRIPE_H_
