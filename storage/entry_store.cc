#include "storage/entry_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "storage/prefetch.h"

namespace larder::storage {
namespace {

// What Compact looks at for each byte that has died: more than it takes when a sixteenth of every
// segment is dead.
constexpr uint64_t kCompactedPerDeadByte = 24;
// What one operation compacts; the others do the rest.
constexpr size_t kCompactedBytesMax = size_t{16} << 10;
// What one call of RemoveExpired sweeps.
constexpr int kSegmentsSweptMax = 4;
// A segment of which less was removed than this part is looked at half as often, down to once in
// ten minutes, so that few entries that expire among many cost little.
constexpr size_t kSweptShare = 16;
constexpr uint8_t kSweepBackoffMax = 6;
// So few are not worth the waiting.
constexpr uint64_t kSegmentsSweptAtOnce = 4;
constexpr int kTriesForEntry = 64;
// The table of a slot with one entry, at most.
constexpr uint64_t kSmallTableBytes = 256;
// A slot with no more entries is emptied one by one, which takes less than a table to be kept.
constexpr size_t kRemovedAtOnce = 16;

void CopyPolicyState(const Entry& from, Entry& to, size_t policy_bytes) {
  std::memcpy(reinterpret_cast<char*>(&to) - policy_bytes,
              reinterpret_cast<const char*>(&from) - policy_bytes, policy_bytes);
  to.set_policy_bits(from.policy_bits());
}

}  // namespace

EntryStore::EntryStore(const EntryStoreOptions& options, EntryPools* pools, const KeyHasher* hasher)
    : stripes_(options.stripes),
      scope_(options.scope),
      policy_bytes_per_entry_(PolicyBytesPerEntry(options.eviction.kind)),
      policy_needs_expiry_(options.eviction.kind == EvictionKind::kTtl),
      log_(pools, {.policy_bytes = policy_bytes_per_entry_,
                   .keeps_order = NeedsLogOrder(options.eviction.kind),
                   .segments_max = options.segments_max}),
      reader_(&log_, hasher),
      policy_(MakeEvictionPolicy(options.eviction, this)),
      tables_(std::make_unique<SlotTable[]>(kSlots / options.stripes)) {}

uint64_t EntryStore::WriteCost(const HashedKey& key, EntryRef replaced, size_t value_bytes,
                               const EntryFields& fields) const {
  if (replaced && FitsInPlace(*replaced, value_bytes, fields)) return 0;
  const EntryShape shape = EntryShape::Of(key.key.size(), value_bytes, fields);
  uint64_t cost = log_.AppendCost(shape, !Evictable(fields.expires_at), replaced.entry);
  if (!replaced) cost += TableOf(key.slot).growth_bytes(key.hash);
  return cost + policy_->growth_bytes();
}

uint64_t EntryStore::WriteCostAlone(const HashedKey& key, EntryRef replaced, size_t value_bytes,
                                    const EntryFields& fields) const {
  const EntryShape shape = EntryShape::Of(key.key.size(), value_bytes, fields);
  uint64_t cost = log_.AppendCostAlone(shape) + policy_->growth_bytes();
  if (replaced && !IsEvictable(*replaced)) return cost - std::min(cost, log_.BytesOf(*replaced));
  return cost + std::max(TableOf(key.slot).growth_bytes(key.hash), kSmallTableBytes);
}

uint64_t EntryStore::EvictableBytes() const {
  if (policy_->VictimRank() == EvictionPolicy::kNoVictim) return 0;
  const uint64_t entries = count_ + detached_.count();
  if (evictable_count_ == entries) return log_.unpinned_charge_bytes() + table_bytes();
  // Tables have room to spare, and shrink when they have some more.
  const double share = static_cast<double>(evictable_count_) / static_cast<double>(entries);
  return log_.unpinned_charge_bytes() +
         static_cast<uint64_t>(share / 2 * static_cast<double>(table_bytes()));
}

HashRun EntryStore::RunOf(const HashedKey& key, TimePoint now) const {
  HashRun run;
  TableOf(key.slot).VisitEqual(key.hash, reader_, [&](EntryRef ref) {
    ++run.entries;
    const bool has_expired = ref->ExpiredAt(now);
    if (!has_expired &&
        (!IsEvictable(*ref) || policy_->VictimRank() == EvictionPolicy::kNoVictim)) {
      return;
    }
    if (run.victim && run.victim->ExpiredAt(now)) return;
    if (!run.victim || has_expired || ref->version() < run.victim->version()) run.victim = ref;
  });
  return run;
}

EntryRef EntryStore::Create(const HashedKey& key, size_t value_bytes, const EntryFields& fields,
                            TimePoint now) {
  const EntryShape shape = EntryShape::Of(key.key.size(), value_bytes, fields);
  const auto queue =
      Evictable(fields.expires_at) ? policy_->Place(key.hash) : EntryLog::Queue::kPinned;
  const EntryRef ref = log_.Append(queue, key.key, key.slot, shape, now);
  SlotTable& table = TableOf(key.slot);
  table_bytes_ -= table.memory_bytes();
  table.Insert(key.hash, ref.at, reader_);
  table_bytes_ += table.memory_bytes();
  table.entry_bytes += log_.BytesOf(*ref);
  table_cells_max_ = std::max(table_cells_max_, table.sampled_cells());
  ++count_;
  SetFields(ref, fields);
  if (Evictable(fields.expires_at)) AddToPolicy(ref, now);
  return ref;
}

EntryRef EntryStore::Rewrite(EntryRef ref, uint64_t hash, size_t value_bytes,
                             const EntryFields& fields, size_t kept_bytes, TimePoint now) {
  const TimePoint old_expiry = ref->expires_at();
  const bool was_evictable = Evictable(old_expiry);
  const bool is_evictable = Evictable(fields.expires_at);
  if (!FitsInPlace(*ref, value_bytes, fields)) {
    const EntryShape shape = EntryShape::Of(ref->key_bytes(), value_bytes, fields);
    const bool is_kept = kept_bytes == value_bytes && kept_bytes == ref->value_bytes();
    const ValueParts shared = is_kept || !log_.IsShared(*ref)
                                  ? ValueParts::Shared(ref->value_bytes(), value_bytes, kept_bytes)
                                  : ValueParts{};
    auto queue = EntryLog::Queue::kPinned;
    if (is_evictable) queue = was_evictable ? log_.QueueOf(ref.at) : policy_->Place(hash);
    const EntryRef copy =
        log_.AppendInPlaceOf(ref.entry, shared, queue, ref->key(), ref->slot(), shape, now);
    CopyPolicyState(*ref, *copy, policy_bytes_per_entry_);
    copy->set_version(ref->version());
    copy->set_stale(ref->stale());
    copy->CopyValueFrom(*ref, shared.apart_bytes(), kept_bytes);
    SlotTable& table = TableOf(ref->slot());
    table.entry_bytes += log_.BytesOf(*copy) - log_.BytesOf(*ref);
    table.Replace(hash, ref.at, copy.at);
    if (was_evictable) policy_->Moved(ref, copy);
    log_.FreeReplaced(ref, shared);
    ref = copy;
  }
  const bool changes_place = policy_needs_expiry_ && old_expiry != fields.expires_at;
  if (was_evictable && (!is_evictable || changes_place)) RemoveFromPolicy(ref);
  SetFields(ref, fields);
  if (is_evictable && (!was_evictable || changes_place)) AddToPolicy(ref, now);
  return ref;
}

bool EntryStore::FitsInPlace(const Entry& entry, size_t value_bytes,
                             const EntryFields& fields) const {
  if (value_bytes >= SharedValues::kValueBytesMin && log_.IsShared(entry)) [[unlikely]]
    return false;
  // What may be evicted, and only that, is in the queues of the policy.
  return entry.FitsInPlace(value_bytes, fields) &&
         Evictable(entry.expires_at()) == Evictable(fields.expires_at);
}

void EntryStore::SetFields(EntryRef ref, const EntryFields& fields) {
  ref->SetFields(fields);
  if (fields.expires_at != kNever) log_.NoteExpiry(ref.at, fields.expires_at);
}

void EntryStore::AddToPolicy(EntryRef ref, TimePoint now) {
  policy_->Inserted(ref, now);
  ++evictable_count_;
}

void EntryStore::RemoveFromPolicy(EntryRef ref) {
  policy_->Removed(ref);
  --evictable_count_;
}

void EntryStore::Renewed(EntryRef ref, TimePoint now) {
  if (!IsEvictable(*ref)) return;
  policy_->Removed(ref);
  policy_->Inserted(ref, now);
}

void EntryStore::Remove(EntryRef ref, uint64_t hash) {
  SlotTable& table = TableOf(ref->slot());
  table_bytes_ -= table.memory_bytes();
  table.Erase(hash, ref.at);
  table_bytes_ += table.memory_bytes();
  table.entry_bytes -= log_.BytesOf(*ref);
  if (IsEvictable(*ref)) RemoveFromPolicy(ref);
  log_.Free(ref);
  --count_;
}

size_t EntryStore::DetachSlot(uint32_t slot) {
  SlotTable& table = TableOf(slot);
  const size_t entries = table.size();
  if (entries <= kRemovedAtOnce) {
    while (table.size() > 0) Remove(log_.At(table.location_at(table.Occupied(0))));
    return entries;
  }
  table_bytes_ -= table.memory_bytes();
  count_ -= entries;
  detached_.Add(slot, std::exchange(table, SlotTable()));
  return entries;
}

size_t EntryStore::RemoveDetached(size_t removals_max) {
  size_t removed = 0;
  while (removed < removals_max && !detached_.empty()) {
    removed += RemoveDetachedOf(detached_.first_slot(), removals_max - removed);
  }
  return removed;
}

size_t EntryStore::RemoveDetachedOf(uint32_t slot, size_t removals_max) {
  size_t removed = 0;
  for (; removed < removals_max && detached_.TablesOf(slot) > 0; ++removed) {
    const EntryRef ref = detached_.First(slot, reader_);
    detached_.RemoveFirst(slot, HashOf(*ref), ref.at, log_.BytesOf(*ref));
    if (IsEvictable(*ref)) RemoveFromPolicy(ref);
    log_.Free(ref);
  }
  return removed;
}

EntryRef EntryStore::MoveToNewest(EntryLog::Queue queue, EntryRef ref, TimePoint now) {
  ++moves_;
  return Replace(ref, log_.AppendCopy(queue, ref, now));
}

EntryRef EntryStore::Replace(EntryRef original, EntryRef copy) {
  const uint32_t slot = copy->slot();
  const uint64_t hash = HashOf(*copy);
  if (detached_.empty() || !detached_.Replace(slot, hash, original.at, copy.at)) {
    TableOf(slot).Replace(hash, original.at, copy.at);
  }
  if (IsEvictable(*copy)) policy_->Moved(original, copy);
  log_.FreeMoved(original);
  return copy;
}

uint64_t EntryStore::PrefetchAfter(EntryRef ref) const {
  const EntryRef next = log_.After(ref);
  if (!next) return 0;
  if (const EntryRef second = log_.After(next)) PrefetchTable(second->slot());
  if (next->dead()) return 0;
  const uint64_t hash = HashOf(*next);
  TableOf(next->slot()).Prefetch(hash);
  return hash;
}

size_t EntryStore::RemoveExpired(TimePoint now, SweepBudget& budget,
                                 absl::FunctionRef<bool(EntryRef)> before_removal, bool* more) {
  const size_t removals_max = budget.removals;
  int swept = 0;
  *more = false;
  for (EntryLog::SegmentId i = 0; i < log_.segment_ids() && !*more; ++i) {
    const EntryLog::SegmentId id = sweep_next_ % log_.segment_ids() + 1;
    EntryLog::Segment& segment = log_.segment(id);
    const bool is_due = log_.is_in_use(id) && segment.earliest_expiry <= now &&
                        (log_.segments_in_use() <= kSegmentsSweptAtOnce ||
                         segment.swept_at + kSweepPeriod * (1 << segment.sweep_backoff) <= now);
    if (is_due) {
      *more = swept++ == kSegmentsSweptMax || budget.is_spent() ||
              !SweepSegment(id, now, budget, before_removal);
    }
    if (!*more) sweep_next_ = id;
  }
  return removals_max - budget.removals;
}

bool EntryStore::SweepSegment(EntryLog::SegmentId id, TimePoint now, SweepBudget& budget,
                              absl::FunctionRef<bool(EntryRef)> before_removal) {
  TimePoint earliest = kNever;
  bool ended = true;
  const size_t removals_before = budget.removals;
  size_t seen = 0;
  budget.SpendBytes(log_.segment(id).appended_bytes);
  log_.VisitLive(id, [&](EntryRef ref) {
    ++seen;
    if (!ref->ExpiredAt(now)) {
      earliest = std::min(earliest, ref->expires_at());
      return true;
    }
    ended = budget.removals > 0 && before_removal(ref);
    if (!ended) return false;
    Remove(ref);
    --budget.removals;
    return true;
  });
  EntryLog::Segment& segment = log_.segment(id);
  if (ended && log_.is_in_use(id)) {
    segment.earliest_expiry = earliest;
    segment.swept_at = now;
    const bool was_worth_it = (removals_before - budget.removals) * kSweptShare >= seen;
    segment.sweep_backoff =
        was_worth_it ? 0 : std::min<uint8_t>(segment.sweep_backoff + 1, kSweepBackoffMax);
  }
  return ended;
}

void EntryStore::Tidy() {
  compaction_due_ += log_.TakeNewlyDead() * kCompactedPerDeadByte;
  if (!log_.wants_compaction()) {
    compaction_due_ = 0;
    return;
  }
  // Beyond what the stripe is charged for there is no time to lose.
  const uint64_t due = log_.waste() >= Waste::kBehind ? kCompactedBytesMax : compaction_due_;
  const uint64_t bytes = std::min<uint64_t>(due, kCompactedBytesMax);
  compaction_due_ -= std::min(bytes, compaction_due_);
  static_cast<void>(Compact(bytes));
}

CompactProgress EntryStore::Compact(size_t bytes_max) {
  return log_.Compact(bytes_max, [this](EntryRef original, EntryLog::SegmentId to) {
    PrefetchAfter(original);
    Replace(original, log_.CopyInto(to, original));
  });
}

EntryRef EntryStore::AnyEvictable(Random& random) {
  if (evictable_count_ == 0) return {};
  const uint32_t tables = kSlots / stripes_;
  const bool is_likely = evictable_count_ * kTriesForEntry > table_cells_max_ * tables;
  for (int i = 0; is_likely && i < kTriesForEntry; ++i) {
    const SlotTable& table = tables_[random.Below(tables)];
    const Location at = table.SampleAt(random.Below(table_cells_max_));
    if (at != Location{} && IsEvictable(*log_.At(at))) return log_.At(at);
  }
  // Most tables are empty, or one is larger than all others, or few may be evicted. Slower, but not
  // by how many there are.
  return log_.RandomLive(random);
}

}  // namespace larder::storage
