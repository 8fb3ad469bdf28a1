#ifndef LARDER_STORAGE_ENTRY_STORE_H_
#define LARDER_STORAGE_ENTRY_STORE_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

#include "absl/functional/function_ref.h"
#include "storage/detached_tables.h"
#include "storage/entry.h"
#include "storage/entry_log.h"
#include "storage/entry_reader.h"
#include "storage/eviction_policy.h"
#include "storage/hashed_key.h"
#include "storage/key_hasher.h"
#include "storage/location.h"
#include "storage/operations.h"
#include "storage/prefetch.h"
#include "storage/slot_table.h"
#include "storage/time.h"
#include "storage/unit_pool.h"

namespace larder::storage {

struct EntryStoreOptions {
  uint32_t stripes = 1;  // slot tables of this store: kSlots / stripes
  EvictionScope scope = EvictionScope::kAllKeys;
  EvictionPolicyOptions eviction;
  SegmentId segments_max = std::numeric_limits<SegmentId>::max();  // see EntryLogOptions
};

// What a sweep may still do.
struct SweepBudget {
  size_t removals = 0;
  size_t bytes = 0;  // looked through, or copied
  void SpendBytes(size_t spent) { bytes -= spent < bytes ? spent : bytes; }
  bool is_spent() const { return removals == 0 || bytes == 0; }
};

// The entries of one slot whose keys have the same hash.
struct HashRun {
  size_t entries = 0;
  EntryRef victim;  // the first to go: one that has expired, or the oldest that may be evicted
};

// The entries of one stripe: keeps log, slot tables and eviction policy in step. Knows nothing of
// conditions, leases or budgets; says what a change will cost and what is in use. Not thread-safe.
// A reference to an entry holds until the next Create, Rewrite, Remove, Victim or Tidy.
class EntryStore final : private EvictionHost {
 public:
  // `pools` and `hasher` must outlive the store.
  EntryStore(const EntryStoreOptions& options, EntryPools* pools, const KeyHasher* hasher);
  EntryStore(const EntryStore&) = delete;
  EntryStore& operator=(const EntryStore&) = delete;

  // Finds expired and stale entries, too.
  EntryRef Find(const HashedKey& key) const {
    return TableOf(key.slot).Find(key.hash, key.key, log_);
  }

  // Say that a Find of this key comes soon: three steps, of which each waits for what the one
  // before has brought closer. The first reads nothing that changes.
  void PrefetchTable(uint32_t slot) const {
    // It may stand in two lines.
    const auto* const table = reinterpret_cast<const char*>(&TableOf(slot));
    PrefetchLine(table);
    PrefetchLine(table + sizeof(SlotTable) - 1);
  }
  void PrefetchCells(const HashedKey& key) const { TableOf(key.slot).Prefetch(key.hash); }
  void PrefetchEntry(const HashedKey& key) const {
    TableOf(key.slot).PrefetchEntry(key.hash, log_);
  }
  // Says that a Find and perhaps a Create of this key come soon.
  void PrefetchWrite(const HashedKey& key) const { policy_->PrefetchPlace(key.hash); }

  // REQUIRES: there is no entry with this key.
  HashRun RunOf(const HashedKey& key, TimePoint now) const;

  // By how many bytes, at most, a Create or Rewrite with these raises used_bytes. `replaced` is the
  // entry that is there, or none.
  uint64_t WriteCost(const HashedKey& key, EntryRef replaced, size_t value_bytes,
                     const EntryFields& fields) const;

  // Likewise, if all entries were gone that may be evicted.
  uint64_t WriteCostAlone(const HashedKey& key, EntryRef replaced, size_t value_bytes,
                          const EntryFields& fields) const;
  // By how much at least used_bytes would fall then.
  uint64_t EvictableBytes() const;

  // True if something must be evicted from this store before the write, since its log has no place
  // for another record. `replaced` as for WriteCost.
  bool IsTooCrowdedFor(EntryRef replaced, size_t value_bytes, const EntryFields& fields) const {
    return log_.is_crowded() && !(replaced && FitsInPlace(*replaced, value_bytes, fields));
  }
  bool is_crowded() const { return log_.is_crowded(); }
  // True if so few segments are left that Tidy should be called after every change. While it is
  // false nothing is too crowded.
  bool is_short_of_segments() const { return log_.is_short_of_segments(); }
  // Whether a Rewrite that only lets the entry go later can be made: what is reserved is for that.
  bool CanRewrite(EntryRef ref, size_t value_bytes, const EntryFields& fields) const {
    return !log_.is_out_of_segments() || FitsInPlace(*ref, value_bytes, fields);
  }

  // A new entry; its value is not initialised. REQUIRES: there is none with this key.
  EntryRef Create(const HashedKey& key, size_t value_bytes, const EntryFields& fields,
                  TimePoint now);
  // Gives the entry these fields and room for a value of this size, whose first `kept_bytes` are
  // those of the old one; whole pages and blocks of them are not copied. To the policy it stays
  // where it is, but if its record is written anew it becomes the newest of its queue in the log.
  EntryRef Rewrite(EntryRef ref, uint64_t hash, size_t value_bytes, const EntryFields& fields,
                   size_t kept_bytes, TimePoint now);
  void Remove(EntryRef ref, uint64_t hash);
  void Remove(EntryRef ref) { Remove(ref, HashOf(*ref)); }

  // Empties a slot at once, however much it holds; returns how many entries it had. Nobody finds
  // them any more, and RemoveDetached removes what they take, unless they are few.
  size_t DetachSlot(uint32_t slot);
  // Each returns how many it has removed.
  size_t RemoveDetached(size_t removals_max);
  size_t RemoveDetachedOf(uint32_t slot, size_t removals_max);
  bool has_detached() const { return !detached_.empty(); }
  // True if the slot was flushed so often that its entries should be removed before the next time,
  // since a record that moves is looked for in all its tables.
  bool IsFlushedOften(uint32_t slot) const { return detached_.TablesOf(slot) >= kDetachedMax; }

  // The entry was read or overwritten.
  void Accessed(EntryRef ref, TimePoint now) {
    if (IsEvictable(*ref)) policy_->Accessed(ref, now);
  }
  // An entry that was dead is written again: to the policy it is new.
  void Renewed(EntryRef ref, TimePoint now);

  // The entry to evict next; it must be removed at once. REQUIRES: none is detached.
  EntryRef Victim(TimePoint now) { return policy_->Victim(now); }
  // How many entries the policy has moved to find victims, ever.
  uint64_t moves() const { return moves_; }
  // The stripe's rank among others, and how many entries may be evicted, detached ones included.
  int64_t VictimRank() const { return policy_->VictimRank(); }
  uint64_t evictable_count() const override { return evictable_count_; }
  uint64_t detached_count() const { return detached_.count(); }

  // Removes expired entries while the budget lasts; returns how many. Looks through a segment at
  // most once in kSweepPeriod, unless there are few. Shows each to `before_removal`, which returns
  // false to stop there. True in `more`: something is due that was not looked at yet.
  // REQUIRES: none is detached.
  size_t RemoveExpired(TimePoint now, SweepBudget& budget,
                       absl::FunctionRef<bool(EntryRef)> before_removal, bool* more);

  // Reclaims segments in proportion to what has died since the last call. To be called after every
  // change, as long as memory is short.
  void Tidy();
  // Reclaims segments while too much is wasted; looks at about this many bytes.
  [[nodiscard]] CompactProgress Compact(size_t bytes_max);
  bool wants_compaction() const { return log_.wants_compaction(); }
  // True if Compact would lower used_bytes.
  bool is_overdrawn() const { return log_.waste() == Waste::kOverdrawn; }

  // REQUIRES: the slot belongs to this stripe.
  const SlotTable& TableOf(uint32_t slot) const { return tables_[slot / stripes_]; }
  // Calls visit(entry, hash) for the entries of a slot from there on, in the order of Scan, until
  // it returns false. Returns where that was, or the beginning of the next slot.
  template <typename Visit>
  ScanPosition VisitSlot(ScanPosition from, Visit&& visit) const {
    const SlotTable& table = TableOf(from.slot);
    for (size_t i = table.Occupied(LowerBound(from)); i < table.end(); i = table.Occupied(i + 1)) {
      const Entry& entry = *log_.At(table.location_at(i));
      const uint64_t hash = HashOf(entry);
      if (!visit(entry, hash)) return {from.slot, hash};
    }
    return {from.slot + 1, 0};
  }
  uint64_t HashOf(const Entry& entry) const override { return reader_.HashOf(entry); }

  // What is detached counts as slack; its tables count as tables.
  uint64_t count() const { return count_; }
  uint64_t entry_bytes() const { return log_.live_bytes() - detached_.entry_bytes(); }
  uint64_t slack_bytes() const { return log_.charged_bytes() - entry_bytes(); }
  uint64_t table_bytes() const { return table_bytes_ + detached_.memory_bytes(); }
  uint64_t policy_bytes() const { return policy_->memory_bytes(); }
  uint64_t used_bytes() const { return log_.charged_bytes() + table_bytes() + policy_bytes(); }
  // Memory that does not depend on the entries.
  uint64_t fixed_bytes() const { return (kSlots / stripes_) * sizeof(SlotTable); }

 private:
  static constexpr Millis kSweepPeriod{10'000};
  static constexpr size_t kDetachedMax = 8;

  EntryLog& log() override { return log_; }
  EntryRef MoveToNewest(EntryLog::Queue queue, EntryRef ref, TimePoint now) override;
  EntryRef AnyEvictable(Random& random) override;
  bool IsEvictable(const Entry& entry) const {
    return scope_ == EvictionScope::kAllKeys || Evictable(entry.expires_at());
  }
  uint64_t PrefetchAfter(EntryRef ref) const override;

  bool Evictable(TimePoint expires_at) const {
    return scope_ == EvictionScope::kAllKeys || expires_at != kNever;
  }
  bool FitsInPlace(const Entry& entry, size_t value_bytes, const EntryFields& fields) const;
  SlotTable& TableOf(uint32_t slot) { return tables_[slot / stripes_]; }
  void SetFields(EntryRef ref, const EntryFields& fields);
  void AddToPolicy(EntryRef ref, TimePoint now);
  void RemoveFromPolicy(EntryRef ref);
  // The cell of its slot's table where a walk from there begins.
  size_t LowerBound(ScanPosition from) const {
    return TableOf(from.slot).LowerBound(from.hash, reader_);
  }
  // Puts the copy in the original's place and frees that; returns the copy.
  EntryRef Replace(EntryRef original, EntryRef copy);
  // False: the budget was spent before the end.
  bool SweepSegment(EntryLog::SegmentId id, TimePoint now, SweepBudget& budget,
                    absl::FunctionRef<bool(EntryRef)> before_removal);

  const uint32_t stripes_;
  const EvictionScope scope_;
  const size_t policy_bytes_per_entry_;
  const bool policy_needs_expiry_;
  EntryLog log_;
  const EntryReader reader_;
  std::unique_ptr<EvictionPolicy> policy_;
  const std::unique_ptr<SlotTable[]> tables_;
  DetachedTables detached_;
  size_t table_cells_max_ = 0;  // of the largest table there was
  uint64_t count_ = 0;
  uint64_t evictable_count_ = 0;
  uint64_t table_bytes_ = 0;
  uint64_t moves_ = 0;
  uint64_t compaction_due_ = 0;         // bytes that Tidy has not looked at yet
  EntryLog::SegmentId sweep_next_ = 0;  // the segment swept last
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_ENTRY_STORE_H_
