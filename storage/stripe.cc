#include "storage/stripe.h"

#include <algorithm>
#include <optional>

#include "storage/stripe_operation.h"

namespace larder::storage {
namespace {

// What one call of Reclaim or Expire looks at to compact it: some tens of microseconds.
constexpr size_t kReclaimedBytesMax = EntryPools::kSegmentBytesMin;
// Small entries are evicted some at a time, which costs the next writers nothing; but no more after
// so many that were moved to find them.
constexpr int kEvictionsMax = 16;
constexpr int kSampledEvictionsMax = 8;
constexpr uint64_t kMovesMax = 64;
constexpr uint64_t kSmallEntryBytes = 256;
constexpr uint64_t kReclaimedAheadBytes = 1024;
// Detached entries that one Reclaim removes.
constexpr size_t kDetachedReclaimed = 16;
constexpr size_t kRemovalsPerLock = 64;
// What a step of the walk that forgets voided leases counts for.
constexpr size_t kLeaseWalkBytes = size_t{16} << 10;
// What is left of a scan's byte limit when an entry is given out, beside key and value.
constexpr size_t kScanEntryBytes = 40;

}  // namespace

Stripe::Stripe(const EntryStoreOptions& options, const StripeShared& shared, StripeSignal* signal)
    : shared_(shared),
      signal_(signal),
      samples_(!RanksVictims(options.eviction.kind)),
      ranks_by_use_(RanksByUse(options.eviction.kind)),
      state_(options, shared) {}

Stripe::~Stripe() = default;

void Stripe::PrefetchCells(const HashedKey& key) const {
  MutexLock lock(mutex_);
  state_.store.PrefetchCells(key);
}

void Stripe::PrefetchEntry(const HashedKey& key) const {
  MutexLock lock(mutex_);
  state_.store.PrefetchEntry(key);
}

GetOutcome Stripe::Get(const HashedKey& key, TimePoint now, ValueSink& sink) {
  MutexLock lock(mutex_);
  if (!state_.Owns(key.slot)) [[unlikely]]
    return GetOutcome::kNotOwner;
  const EntryRef entry = state_.store.Find(key);
  if (!entry || entry->ExpiredAt(now)) {
    ++state_.stats.misses;
    return GetOutcome::kMiss;
  }
  ++state_.stats.hits;
  if (entry->stale()) ++state_.stats.stale_hits;
  state_.store.Accessed(entry, now);
  if (ranks_by_use_) Publish();
  return entry->DeliverTo(sink) ? GetOutcome::kHit : GetOutcome::kRefused;
}

Eviction Stripe::Reclaim(TimePoint now, uint64_t bytes_wanted, bool evicts, LogRoom& log_room) {
  StripeOperation operation(*this);
  EntryStore& store = state_.store;
  Eviction result;
  if (store.has_detached()) {
    store.RemoveDetached(kDetachedReclaimed);
    return {.done = true, .freed_bytes = operation.KeepFreed()};
  }
  const bool is_crowded = store.is_crowded();
  if (store.is_overdrawn() || is_crowded) {
    result.done = store.Compact(kReclaimedBytesMax) == CompactProgress::kSome;
    result.freed_bytes = operation.KeepFreed();
    if (result.freed_bytes > 0 || (is_crowded && !store.is_crowded())) return result;
  }
  const uint64_t moves_before = store.moves();
  const int evictions_max = samples_ ? kSampledEvictionsMax : kEvictionsMax;
  for (int i = 0; evicts && i < evictions_max; ++i) {
    result.lacks_log_room = !state_.HasRoom(log_room, kKeyBytesMax, /*value_bytes=*/0);
    result.lacks_authority = !state_.HasAuthority();
    if (result.lacks_log_room || result.lacks_authority) break;
    const EntryRef victim = store.Victim(now);
    if (!victim) break;
    state_.Evict(victim, store.HashOf(*victim), now, log_room);
    const uint64_t freed_before = result.freed_bytes;
    result = {.done = true, .evicted = result.evicted + 1, .freed_bytes = operation.KeepFreed()};
    // The next victim of another stripe may be colder; that matters less the smaller they are.
    if (result.freed_bytes > freed_before + kSmallEntryBytes) break;
    if (result.freed_bytes >= bytes_wanted + kReclaimedAheadBytes) break;
    if (store.moves() - moves_before >= kMovesMax) break;
  }
  return result;
}

size_t Stripe::Expire(TimePoint now, SweepBudget& budget, LogRoom& log_room, bool* more) {
  StripeOperation operation(*this);
  StripeState& state = operation.state();
  EntryStore& store = state.store;
  SweepBudget mine{std::min(kRemovalsPerLock, budget.removals), budget.bytes};
  const size_t removals_max = mine.removals;
  const size_t detached = store.RemoveDetached(mine.removals);
  mine.removals -= detached;
  *more = store.has_detached();
  size_t entries = 0;
  if (!*more) {
    bool may_commit = true;
    const auto commit = [&](EntryRef entry) {
      may_commit =
          state.HasAuthority() && state.HasRoom(log_room, entry->key_bytes(), /*value_bytes=*/0);
      if (may_commit) state.CommitExpiry(entry, now, log_room);
      return may_commit;
    };
    entries = store.RemoveExpired(now, mine, commit, more);
    // What may not be told is not to be asked for again at once.
    *more = *more && may_commit;
  }
  bool more_leases = false;
  const size_t leases = state.leases.RemoveDue(now, mine.removals, &more_leases);
  mine.removals -= leases;
  if (more_leases) {
    mine.SpendBytes(kLeaseWalkBytes);
    *more = true;
  }
  if (mine.bytes > 0 && !shared_.budget->is_short() && store.wants_compaction()) {
    static_cast<void>(store.Compact(kReclaimedBytesMax));  // the next period comes anyway
    mine.SpendBytes(kReclaimedBytesMax);
  }
  *more = *more || mine.removals == 0;
  budget = {budget.removals - (removals_max - mine.removals), mine.bytes};
  return entries + leases;
}

Need Stripe::FlushSlot(uint32_t slot, uint64_t version, TimePoint now, Credit& credit,
                       uint64_t* entries) {
  StripeOperation operation(*this);
  *entries = 0;
  if (version == 0) {
    if (const Need need = state_.CheckRight(slot); need != Need::kNothing) return need;
  }
  if (!state_.HasRoom(credit.log_room, /*key_bytes=*/0, /*value_bytes=*/0)) {
    credit.log_room_wanted = state_.log()->RoomFor(/*key_bytes=*/0, /*value_bytes=*/0);
    return Need::kLogRoom;
  }
  *entries = state_.FlushSlot(slot, version, now, credit.log_room);
  return Need::kNothing;
}

bool Stripe::PrepareFlush(uint32_t slot) {
  StripeOperation operation(*this);
  if (!state_.store.IsFlushedOften(slot)) return true;
  state_.store.RemoveDetachedOf(slot, kRemovalsPerLock);
  return !state_.store.IsFlushedOften(slot);
}

void Stripe::SetOwned(uint32_t slot, bool owned, TimePoint now) {
  StripeOperation operation(*this);
  state_.SetOwned(slot, owned, now);
}

void Stripe::SetLog(MutationSink* log) {
  MutexLock lock(mutex_);
  state_.SetLog(log);
}

template <typename Matches, typename Give>
ScanPosition Stripe::Walk(ScanPosition from, bool keys_only, WalkBudget& budget, Matches&& matches,
                          Give&& give) const {
  std::optional<uint64_t> given_hash;  // keys with one hash are never parted
  return state_.store.VisitSlot(from, [&](const Entry& entry, uint64_t hash) {
    const bool is_given = matches(entry);
    const size_t value_bytes = keys_only ? 0 : entry.value_bytes();
    const size_t bytes = kScanEntryBytes + entry.key_bytes() + value_bytes;
    budget.full = budget.entries == 0 || (is_given && budget.any && bytes > budget.bytes);
    if ((budget.full || budget.visits == 0) && hash != given_hash) return false;
    budget.visits -= std::min<size_t>(budget.visits, 1);
    given_hash = hash;
    if (!is_given) return true;
    give(entry, value_bytes);
    budget.any = true;
    budget.entries -= std::min<size_t>(budget.entries, 1);
    budget.bytes -= std::min(budget.bytes, bytes);
    return true;
  });
}

ScanPosition Stripe::ScanSlot(ScanPosition from, const ScanOptions& options, WalkBudget& budget,
                              TimePoint now, ScanSink& sink) const {
  MutexLock lock(mutex_);
  if (!state_.Owns(from.slot)) return {from.slot + 1, 0};
  return Walk(
      from, options.keys_only, budget,
      [&](const Entry& entry) {
        return entry.LiveAt(now) && entry.key().starts_with(options.prefix);
      },
      [&](const Entry& entry, size_t value_bytes) {
        char* to = sink.Add(entry.key(), entry.info(), value_bytes);
        if (to != nullptr && value_bytes > 0) entry.CopyValue(value_bytes, to);
      });
}

ExportedPart Stripe::ExportSlot(ScanPosition from, WalkBudget& budget, ExportSink& sink) const {
  MutexLock lock(mutex_);
  const MutationSink* const log = state_.log();
  const ScanPosition next = Walk(
      from, /*keys_only=*/false, budget, [](const Entry&) { return true; },
      [&](const Entry& entry, size_t) { sink.Add(StripeState::WholeOf(entry)); });
  const uint64_t position = log == nullptr ? 0 : log->position();
  return {.next = next, .log_position = position, .exact_from = position};
}

Stripe::SlotState Stripe::StateOfSlot(uint32_t slot, uint64_t since) const {
  MutexLock lock(mutex_);
  const MutationSink* const log = state_.log();
  return {.is_unchanged = state_.IsUnchangedSince(since, slot),
          .is_empty = state_.store.TableOf(slot).size() == 0,
          .log_position = log == nullptr ? 0 : log->position()};
}

SlotStats Stripe::StatsOfSlot(uint32_t slot) const {
  MutexLock lock(mutex_);
  const SlotTable& table = state_.store.TableOf(slot);
  return {table.size(), table.entry_bytes + table.memory_bytes()};
}

void Stripe::AddStatsTo(KeyspaceStats& stats) const {
  MutexLock lock(mutex_);
  stats.entries += state_.store.count();
  stats.leases += state_.leases.size();
  stats.hits += state_.stats.hits;
  stats.misses += state_.stats.misses;
  stats.stale_hits += state_.stats.stale_hits;
  stats.evictions += state_.stats.evictions;
  stats.expirations += state_.stats.expirations;
  stats.leases_granted += state_.stats.leases_granted;
  stats.leases_granted_early += state_.stats.leases_granted_early;
  stats.leases_held += state_.stats.leases_held;
  stats.leases_lost += state_.stats.leases_lost;
}

void Stripe::AddMemoryTo(MemoryUsage& usage) const {
  MutexLock lock(mutex_);
  usage.entries += state_.store.entry_bytes();
  usage.slack += state_.store.slack_bytes();
  usage.tables += state_.store.table_bytes();
  usage.policy += state_.store.policy_bytes();
  usage.leases += state_.leases.memory_bytes();
  usage.fixed += sizeof(Stripe) + state_.store.fixed_bytes();
}

void Stripe::AddEvictableTo(EvictableMemory& memory) const {
  MutexLock lock(mutex_);
  const EntryStore& store = state_.store;
  const uint64_t evictable = store.EvictableBytes();
  memory.evictable += evictable;
  memory.staying += state_.UsedBytes() - std::min(state_.UsedBytes(), evictable);
  const uint64_t evictable_count = evictable == 0 ? 0 : store.evictable_count();
  if (state_.leases.size() > 0 || evictable_count < store.count()) memory.keeps = true;
}

void Stripe::Publish() {
  // What is reclaimed without an eviction comes first.
  const EntryStore& store = state_.store;
  const int64_t rank = store.is_overdrawn() || store.has_detached() ? StripeSignal::kWithoutEviction
                                                                    : store.VictimRank();
  if (signal_->victim_rank.load(std::memory_order_relaxed) != rank) {
    signal_->victim_rank.store(rank, std::memory_order_relaxed);
  }
  const uint64_t evictable =
      rank == EvictionPolicy::kNoVictim ? 0 : store.evictable_count() + store.detached_count();
  if (signal_->evictable.load(std::memory_order_relaxed) != evictable) {
    signal_->evictable.store(evictable, std::memory_order_relaxed);
  }
}

}  // namespace larder::storage
