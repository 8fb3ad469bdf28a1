#include "storage/stripe.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "storage/decimal.h"
#include "storage/early_refresh.h"
#include "storage/stripe_operation.h"

namespace larder::storage {
namespace {

// Of what one call of Reclaim or Expire looks at to compact it: some tens of microseconds.
constexpr size_t kReclaimedBytesMax = EntryPools::kSegmentBytesMin;
// Small entries are evicted some at a time, which costs the next writers nothing; but no more after
// so many that were moved to find them.
constexpr int kEvictionsMax = 16;
constexpr int kSampledEvictionsMax = 8;
constexpr uint64_t kMovesMax = 64;
constexpr uint64_t kSmallEntryBytes = 256;
constexpr uint64_t kReclaimedAheadBytes = 1024;
// What is left of a scan's byte limit when an entry is given out, beside key and value.
constexpr size_t kScanEntryBytes = 40;

// Copies the value of an entry into a sink. False: the sink had no room.
bool Deliver(const Entry& entry, ValueSink& sink) {
  const size_t bytes = entry.value_bytes();
  char* to = sink.Reserve(entry.info(), bytes);
  if (bytes == 0) return true;
  if (to == nullptr) return false;
  entry.CopyValue(bytes, to);
  return true;
}

}  // namespace

Stripe::Stripe(const EntryStoreOptions& options, const StripeShared& shared, StripeSignal* signal)
    : shared_(shared),
      signal_(signal),
      samples_(!RanksVictims(options.eviction.kind)),
      ranks_by_use_(RanksByUse(options.eviction.kind)),
      store_(options, shared.pools, shared.hasher),
      leases_(shared.hasher),
      random_(~options.eviction.seed) {}

Stripe::~Stripe() = default;

void Stripe::PrefetchCells(const HashedKey& key) const {
  MutexLock lock(mutex_);
  store_.PrefetchCells(key);
}

void Stripe::PrefetchEntry(const HashedKey& key) const {
  MutexLock lock(mutex_);
  store_.PrefetchEntry(key);
}

GetOutcome Stripe::Get(const HashedKey& key, TimePoint now, ValueSink& sink) {
  MutexLock lock(mutex_);
  const EntryRef entry = store_.Find(key);
  if (!entry || entry->ExpiredAt(now)) {
    ++stats_.misses;
    return GetOutcome::kMiss;
  }
  ++stats_.hits;
  if (entry->stale()) ++stats_.stale_hits;
  store_.Accessed(entry, now);
  if (ranks_by_use_) Publish();
  return Deliver(*entry, sink) ? GetOutcome::kHit : GetOutcome::kRefused;
}

uint64_t Stripe::Set(const HashedKey& key, std::string_view value, const SetOptions& options,
                     TimePoint now, MemoryCredit& credit, SetResult& result) {
  Operation operation(*this);
  store_.PrefetchWrite(key);
  Found found = Find(key, now);
  result.outcome = Check(key, options.condition, found.live, now);
  result.version = found.live ? found.live->version() : 0;
  const bool stores = result.outcome == SetResult::Outcome::kStored;
  EntryFields fields{.expires_at = options.expires_at, .flags = options.flags};
  if (options.keep_expiry && found.live) fields.expires_at = found.live->expires_at();
  if (stores) {
    fields.recompute_ms = RecomputeTime(key, options.condition, found, now);
    if (const uint64_t wanted = Obstacle(key, found, value.size(), fields, credit, now))
      return wanted;
    const uint64_t cost = store_.WriteCost(key, found.entry, value.size(), fields);
    if (const uint64_t missing = PayForWrite(operation, found, cost, credit, now)) return missing;
  }
  if (options.previous != nullptr && found.live) Deliver(*found.live, *options.previous);
  if (!stores) {
    if (result.outcome == SetResult::Outcome::kLeaseLost) ++stats_.leases_lost;
    return 0;
  }
  const EntryRef entry = Write(key, found, value.size(), fields, /*kept_bytes=*/0, now);
  entry->WriteValue(0, value);
  result.version = entry->version();
  return 0;
}

uint32_t Stripe::RecomputeTime(const HashedKey& key, const Condition& condition, const Found& found,
                               TimePoint now) const {
  if (condition.kind != Condition::Kind::kLeaseToken) {
    return found.entry ? found.entry->recompute_ms() : 0;
  }
  const int64_t took = (now - leases_.FindValid(key.key, now)->granted_at).count();
  return static_cast<uint32_t>(std::clamp<int64_t>(took, 0, std::numeric_limits<uint32_t>::max()));
}

DeleteResult Stripe::Delete(const HashedKey& key, const DeleteOptions& options, TimePoint now) {
  Operation operation(*this);
  const Found found = Find(key, now);
  DeleteResult result;
  if (options.if_version.has_value() &&
      (!found.live || found.live->version() != *options.if_version)) {
    result.current_version = found.live ? found.live->version() : 0;
    return result;
  }
  leases_.Void(key.key);
  if (!found.entry) return result;
  result.deleted = static_cast<bool>(found.live);
  const bool expired = found.entry->ExpiredAt(now);
  if (!options.stale_until.has_value() || expired) {
    store_.Remove(found.entry, key.hash);
  } else if (found.live) {
    EntryFields fields = found.live->fields();
    fields.expires_at = *options.stale_until;
    MemoryCredit none;
    const size_t value_bytes = found.live->value_bytes();
    const uint64_t missing =
        operation.Pay(store_.WriteCost(key, found.live, value_bytes, fields), none);
    if ((missing > 0 && store_.VictimRank() == EvictionPolicy::kNoVictim) ||
        !store_.CanRewrite(found.live, value_bytes, fields)) {
      store_.Remove(found.entry, key.hash);  // nothing can make room for keeping it
    } else {
      found.live->set_stale(true);
      SetFields(key, found.live, fields, now);
    }
  }  // a value that is stale already stays so, no longer than the first Delete said
  return result;
}

uint64_t Stripe::Touch(const HashedKey& key, TimePoint expires_at, TimePoint now,
                       MemoryCredit& credit, TouchResult& result) {
  Operation operation(*this);
  Found found = Find(key, now);
  result = TouchResult();
  if (!found.live) return 0;
  EntryFields fields = found.live->fields();
  fields.expires_at = expires_at;
  const size_t value_bytes = found.live->value_bytes();
  if (const uint64_t wanted = Obstacle(key, found, value_bytes, fields, credit, now)) return wanted;
  const uint64_t cost = store_.WriteCost(key, found.entry, value_bytes, fields);
  if (const uint64_t missing = PayForWrite(operation, found, cost, credit, now)) return missing;
  leases_.Void(key.key);
  const EntryRef entry = SetFields(key, found.live, fields, now);
  store_.Accessed(entry, now);
  result = {.found = true, .version = entry->version()};
  return 0;
}

uint64_t Stripe::Lease(const HashedKey& key, const LeaseOptions& options, TimePoint now,
                       ValueSink& sink, MemoryCredit& credit, absl::StatusOr<LeaseResult>& result) {
  Operation operation(*this);
  const Found found = Find(key, now);
  const storage::Lease* held = leases_.FindValid(key.key, now);
  const bool early = found.live && held == nullptr &&
                     RefreshesEarly(*found.live, options.early_refresh_beta, now, random_);
  LeaseResult answer;
  if (found.live && !early) {
    answer.kind = LeaseResult::Kind::kHit;
  } else if (held != nullptr) {
    answer.kind = LeaseResult::Kind::kHeld;
    answer.deadline = held->deadline;
    ++stats_.leases_held;
  } else {
    const uint64_t cost = LeaseTable::BytesOf(key.key.size());
    if (absl::Status status = shared_.CheckLease(cost); !status.ok()) {
      result = std::move(status);
      return 0;
    }
    if (const uint64_t missing = PayForWrite(operation, found, cost, credit, now)) return missing;
    answer.kind = LeaseResult::Kind::kGranted;
    answer.early = early;
    answer.token = {shared_.clock->Next(now)};
    answer.deadline = now + options.hold_for;
    leases_.Grant(key.key, {answer.token, now, answer.deadline, key.slot});
    ++(early ? stats_.leases_granted_early : stats_.leases_granted);
  }
  if (found.entry && !found.entry->ExpiredAt(now)) {
    ++stats_.hits;
    if (!found.live) ++stats_.stale_hits;
    store_.Accessed(found.entry, now);
    answer.has_value = Deliver(*found.entry, sink);
  } else {
    ++stats_.misses;
  }
  result = answer;
  return 0;
}

uint64_t Stripe::Increment(const HashedKey& key, const IncrementOptions& options, TimePoint now,
                           MemoryCredit& credit, absl::StatusOr<IncrementResult>& result) {
  Operation operation(*this);
  Found found = Find(key, now);
  IncrementResult answer;
  EntryFields fields = FieldsOf(found);
  if (!found.live) {
    if (!options.initial.has_value()) {
      result = answer;
      return 0;
    }
    answer.created = true;
    answer.value = *options.initial;
    fields.expires_at = options.created_expires_at;
  } else {
    const std::optional<int64_t> number =
        found.live->is_whole() ? ParseInteger(found.live->whole_value()) : std::nullopt;
    if (!number.has_value()) {
      result = absl::FailedPreconditionError(
          "the value of this key is not a decimal signed 64-bit integer");
      return 0;
    }
    if (__builtin_add_overflow(*number, options.delta, &answer.value)) {
      result = absl::FailedPreconditionError(
          "the sum does not fit into a signed 64-bit integer; the value is unchanged");
      return 0;
    }
    fields.expires_at = options.expires_at.value_or(fields.expires_at);
  }
  const Digits digits(answer.value);
  const std::string_view text = digits.view();
  if (const uint64_t wanted = Obstacle(key, found, text.size(), fields, credit, now)) return wanted;
  const uint64_t cost = store_.WriteCost(key, found.entry, text.size(), fields);
  if (const uint64_t missing = PayForWrite(operation, found, cost, credit, now)) return missing;
  const EntryRef entry = Write(key, found, text.size(), fields, /*kept_bytes=*/0, now);
  entry->WriteValue(0, text);
  answer.found = true;
  answer.version = entry->version();
  result = answer;
  return 0;
}

uint64_t Stripe::Append(const HashedKey& key, std::string_view bytes, const AppendOptions& options,
                        TimePoint now, MemoryCredit& credit, absl::StatusOr<AppendResult>& result) {
  Operation operation(*this);
  Found found = Find(key, now);
  if (!found.live && options.if_present) {
    result = AppendResult();
    return 0;
  }
  const size_t head = found.live ? found.live->value_bytes() : 0;
  const size_t value_bytes = head + bytes.size();
  if (value_bytes > options.value_bytes_max) {
    result = absl::InvalidArgumentError(
        absl::StrCat("the value would be ", value_bytes, " bytes long; the limit is ",
                     options.value_bytes_max, " (--max_value_bytes)"));
    return 0;
  }
  EntryFields fields = FieldsOf(found);
  if (!found.live) fields.expires_at = options.created_expires_at;
  if (const uint64_t wanted = Obstacle(key, found, value_bytes, fields, credit, now)) return wanted;
  const uint64_t cost = store_.WriteCost(key, found.entry, value_bytes, fields);
  if (const uint64_t missing = PayForWrite(operation, found, cost, credit, now)) return missing;
  const EntryRef entry = Write(key, found, value_bytes, fields, /*kept_bytes=*/head, now);
  entry->WriteValue(head, bytes);
  result = AppendResult{.stored = true, .value_bytes = value_bytes, .version = entry->version()};
  return 0;
}

Eviction Stripe::Reclaim(TimePoint now, uint64_t bytes_wanted) {
  Operation operation(*this);
  Eviction result;
  const bool is_crowded = store_.is_crowded();
  if (store_.is_overdrawn() || is_crowded) {
    result.done = store_.Compact(kReclaimedBytesMax) == CompactProgress::kSome;
    result.freed_bytes = operation.KeepFreed();
    if (result.freed_bytes > 0 || (is_crowded && !store_.is_crowded())) return result;
  }
  const uint64_t moves_before = store_.moves();
  const int evictions_max = samples_ ? kSampledEvictionsMax : kEvictionsMax;
  for (int i = 0; i < evictions_max; ++i) {
    const EntryRef victim = store_.Victim(now);
    if (!victim) break;
    Evict(victim, store_.HashOf(*victim), now);
    const uint64_t freed_before = result.freed_bytes;
    result = {.done = true, .freed_bytes = operation.KeepFreed()};
    // The next victim of another stripe may be colder; that matters less the smaller they are.
    if (result.freed_bytes > freed_before + kSmallEntryBytes) break;
    if (result.freed_bytes >= bytes_wanted + kReclaimedAheadBytes) break;
    if (store_.moves() - moves_before >= kMovesMax) break;
  }
  return result;
}

size_t Stripe::Expire(TimePoint now, SweepBudget& budget, bool* more) {
  constexpr size_t kRemovalsPerLock = 64;
  Operation operation(*this);
  SweepBudget mine{std::min(kRemovalsPerLock, budget.removals), budget.bytes};
  const size_t entries = store_.RemoveExpired(now, mine, more);
  stats_.expirations += entries;
  const size_t leases = leases_.RemoveDue(now, mine.removals);
  mine.removals -= leases;
  if (mine.bytes > 0 && !shared_.budget->is_short() && store_.wants_compaction()) {
    static_cast<void>(store_.Compact(kReclaimedBytesMax));  // the next period comes anyway
    mine.SpendBytes(kReclaimedBytesMax);
  }
  *more = *more || mine.removals == 0;
  budget = {budget.removals - entries - leases, mine.bytes};
  return entries + leases;
}

size_t Stripe::FlushSlot(ScanPosition& from, size_t removals_max) {
  Operation operation(*this);
  return store_.RemoveFromSlot(from, removals_max);
}

void Stripe::VoidLeasesOf(uint32_t slot) {
  Operation operation(*this);
  leases_.RemoveSlot(slot);
}

void Stripe::VoidLeases() {
  Operation operation(*this);
  leases_.Clear();
}

ScanPosition Stripe::ScanSlot(ScanPosition from, const ScanOptions& options, ScanBudget& budget,
                              TimePoint now, ScanSink& sink) const {
  MutexLock lock(mutex_);
  const SlotTable& table = store_.TableOf(from.slot);
  std::optional<uint64_t> given_hash;  // keys with one hash are never parted
  for (size_t i = table.Occupied(store_.LowerBound(from)); i < table.end();
       i = table.Occupied(i + 1)) {
    const Entry& entry = *store_.At(table.location_at(i));
    const uint64_t hash = store_.HashOf(entry);
    const bool matches = entry.LiveAt(now) && entry.key().starts_with(options.prefix);
    const size_t value_bytes = options.keys_only ? 0 : entry.value_bytes();
    const size_t bytes = kScanEntryBytes + entry.key_bytes() + value_bytes;
    budget.full = budget.entries == 0 || (matches && budget.any && bytes > budget.bytes);
    if ((budget.full || budget.visits == 0) && hash != given_hash) return {from.slot, hash};
    budget.visits -= std::min<size_t>(budget.visits, 1);
    given_hash = hash;
    if (!matches) continue;
    char* to = sink.Add(entry.key(), entry.info(), value_bytes);
    if (to != nullptr && value_bytes > 0) entry.CopyValue(value_bytes, to);
    budget.any = true;
    budget.entries -= std::min<size_t>(budget.entries, 1);
    budget.bytes -= std::min(budget.bytes, bytes);
  }
  return {from.slot + 1, 0};
}

SlotStats Stripe::StatsOfSlot(uint32_t slot) const {
  MutexLock lock(mutex_);
  const SlotTable& table = store_.TableOf(slot);
  return {table.size(), table.entry_bytes + table.memory_bytes()};
}

void Stripe::AddStatsTo(KeyspaceStats& stats) const {
  MutexLock lock(mutex_);
  stats.entries += store_.count();
  stats.leases += leases_.size();
  stats.hits += stats_.hits;
  stats.misses += stats_.misses;
  stats.stale_hits += stats_.stale_hits;
  stats.evictions += stats_.evictions;
  stats.expirations += stats_.expirations;
  stats.leases_granted += stats_.leases_granted;
  stats.leases_granted_early += stats_.leases_granted_early;
  stats.leases_held += stats_.leases_held;
  stats.leases_lost += stats_.leases_lost;
}

void Stripe::AddMemoryTo(MemoryUsage& usage) const {
  MutexLock lock(mutex_);
  usage.entries += store_.entry_bytes();
  usage.slack += store_.slack_bytes();
  usage.tables += store_.table_bytes();
  usage.policy += store_.policy_bytes();
  usage.leases += leases_.memory_bytes();
  usage.fixed += sizeof(Stripe) + store_.fixed_bytes();
}

Stripe::Found Stripe::Find(const HashedKey& key, TimePoint now) const {
  Found found{.entry = store_.Find(key)};
  if (found.entry && found.entry->LiveAt(now)) found.live = found.entry;
  return found;
}

EntryFields Stripe::FieldsOf(const Found& found) {
  if (found.live) return found.live->fields();
  return {.recompute_ms = found.entry ? found.entry->recompute_ms() : 0};
}

SetResult::Outcome Stripe::Check(const HashedKey& key, const Condition& condition, EntryRef live,
                                 TimePoint now) {
  using Outcome = SetResult::Outcome;
  switch (condition.kind) {
    case Condition::Kind::kNone:
      return Outcome::kStored;
    case Condition::Kind::kIfAbsent:
      return live ? Outcome::kExists : Outcome::kStored;
    case Condition::Kind::kIfPresent:
      return live ? Outcome::kStored : Outcome::kNotFound;
    case Condition::Kind::kIfVersion:
      if (!live) return Outcome::kNotFound;
      return live->version() == condition.version ? Outcome::kStored : Outcome::kVersionMismatch;
    case Condition::Kind::kLeaseToken: {
      const storage::Lease* lease = leases_.FindValid(key.key, now);
      const bool valid = lease != nullptr && lease->token == condition.token;
      return valid ? Outcome::kStored : Outcome::kLeaseLost;
    }
  }
  return Outcome::kStored;
}

uint64_t Stripe::PayForWrite(Operation& operation, const Found& found, uint64_t cost,
                             MemoryCredit& credit, TimePoint now) {
  const uint64_t missing = operation.Pay(cost, credit);
  if (missing > 0 && found.live) store_.Accessed(found.live, now);
  return missing;
}

uint64_t Stripe::FindObstacle(const HashedKey& key, Found& found, size_t value_bytes,
                              const EntryFields& fields, MemoryCredit& credit,
                              TimePoint now) const {
  if (store_.IsTooCrowdedFor(found.entry, value_bytes, fields)) {
    credit.refusal = WriteRefusal::kCrowded;
  } else if (!found.entry) {
    const HashRun run = store_.RunOf(key, now);
    if (run.entries < kEqualHashesMax) return 0;
    found.makes_way = run.victim;
    if (!run.victim) credit.refusal = WriteRefusal::kEqualHashes;
  }
  if (credit.refusal == WriteRefusal::kNone) return 0;
  return store_.WriteCost(key, found.entry, value_bytes, fields) + 1;
}

void Stripe::Evict(EntryRef victim, uint64_t hash, TimePoint now) {
  ++(victim->ExpiredAt(now) ? stats_.expirations : stats_.evictions);
  leases_.Void(victim->key());
  store_.Remove(victim, hash);
}

EntryRef Stripe::Write(const HashedKey& key, const Found& found, size_t value_bytes,
                       const EntryFields& fields, size_t kept_bytes, TimePoint now) {
  leases_.Void(key.key);
  EntryRef entry;
  if (!found.entry) {
    if (found.makes_way) Evict(found.makes_way, key.hash, now);
    entry = store_.Create(key, value_bytes, fields, now);
  } else {
    const bool was_live = static_cast<bool>(found.live);
    const bool was_stale = found.entry->stale();
    entry = store_.Rewrite(found.entry, key.hash, value_bytes, fields, kept_bytes, now);
    if (was_live) {
      store_.Accessed(entry, now);
    } else {
      if (!was_stale) ++stats_.expirations;
      entry->set_stale(false);
      store_.Renewed(entry, now);
    }
  }
  entry->set_version(shared_.clock->Next(now));
  return entry;
}

EntryRef Stripe::SetFields(const HashedKey& key, EntryRef entry, const EntryFields& fields,
                           TimePoint now) {
  const size_t value_bytes = entry->value_bytes();
  return store_.Rewrite(entry, key.hash, value_bytes, fields, /*kept_bytes=*/value_bytes, now);
}

void Stripe::Publish() {
  // What is reclaimed without an eviction comes first.
  const int64_t rank =
      store_.is_overdrawn() ? std::numeric_limits<int64_t>::min() : store_.VictimRank();
  if (signal_->victim_rank.load(std::memory_order_relaxed) != rank) {
    signal_->victim_rank.store(rank, std::memory_order_relaxed);
  }
  const uint64_t evictable = rank == EvictionPolicy::kNoVictim ? 0 : store_.evictable_count();
  if (signal_->evictable.load(std::memory_order_relaxed) != evictable) {
    signal_->evictable.store(evictable, std::memory_order_relaxed);
  }
}

}  // namespace larder::storage
