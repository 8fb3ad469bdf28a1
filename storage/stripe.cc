#include "storage/stripe.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace larder::storage {
namespace {

// What is left of a scan's byte limit when an entry is given out, beside key and value.
constexpr size_t kScanEntryBytes = 40;

// Copies the value of an entry into a sink. False: the sink had no room.
bool Deliver(const Entry& entry, ValueSink& sink) {
  const std::string_view value = entry.value();
  char* to = sink.Reserve(entry.info(), value.size());
  if (value.empty()) return true;
  if (to == nullptr) return false;
  std::memcpy(to, value.data(), value.size());
  return true;
}

// The digits of a number, in place.
class Digits {
 public:
  explicit Digits(int64_t number)
      : length_(
            static_cast<size_t>(std::to_chars(text_, text_ + sizeof(text_), number).ptr - text_)) {}
  std::string_view view() const { return {text_, length_}; }

 private:
  char text_[20];
  size_t length_;
};

// Only the way that Digits writes a number counts as one: no leading zeros, spaces or plus.
std::optional<int64_t> ParseInteger(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || Digits(number).view() != text) return std::nullopt;
  return number;
}

void CopyValue(std::string_view bytes, char* to) {
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
}

}  // namespace

// Holds the stripe's lock for one operation and, when it ends, squares the budget with what the
// stripe has come to use and tells the other stripes of its victim.
class ABSL_SCOPED_LOCKABLE Stripe::Operation {
 public:
  explicit Operation(Stripe& stripe) ABSL_EXCLUSIVE_LOCK_FUNCTION(stripe.mutex_) : stripe_(stripe) {
    stripe.mutex_.Lock();
    used_before_ = stripe.UsedBytes();
    leases_before_ = stripe.leases_.size();
    lease_bytes_before_ = stripe.leases_.memory_bytes();
  }

  ~Operation() ABSL_UNLOCK_FUNCTION() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const uint64_t used = stripe_.UsedBytes();
    const uint64_t paid = used_before_ + reserved_ - kept_;
    if (used > paid) {
      stripe_.shared_.budget->Charge(used - paid);
    } else if (used < paid) {
      stripe_.shared_.budget->Release(paid - used);
    }
    // Unsigned differences wrap around, and add up right.
    if (const uint64_t granted = stripe_.leases_.size() - leases_before_; granted != 0) {
      stripe_.shared_.leases->fetch_add(granted, std::memory_order_relaxed);
    }
    const uint64_t lease_bytes = stripe_.leases_.memory_bytes() - lease_bytes_before_;
    if (lease_bytes != 0) {
      stripe_.shared_.lease_bytes->fetch_add(lease_bytes, std::memory_order_relaxed);
    }
    stripe_.Publish();
    stripe_.mutex_.Unlock();
  }

  // Reserves what the operation is going to use, from the credit first. Returns the bytes missing,
  // 0 when all is paid.
  uint64_t Pay(uint64_t bytes, MemoryCredit& credit) {
    const uint64_t from_credit = std::min(bytes, credit.bytes);
    const uint64_t rest = bytes - from_credit;
    if (rest > 0 && !stripe_.shared_.budget->TryReserve(rest)) return rest;
    credit.bytes -= from_credit;
    reserved_ += bytes;
    return 0;
  }

  // Leaves what the operation has freed so far reserved, for the caller to spend.
  uint64_t KeepFreed() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const uint64_t used = stripe_.UsedBytes();
    kept_ = used_before_ > used ? used_before_ - used : 0;
    return kept_;
  }

 private:
  Stripe& stripe_;
  uint64_t used_before_ = 0;
  uint64_t reserved_ = 0;
  uint64_t kept_ = 0;
  uint64_t leases_before_ = 0;
  uint64_t lease_bytes_before_ = 0;
};

Stripe::Stripe(const EntryStoreOptions& options, const StripeShared& shared, StripeSignal* signal)
    : shared_(shared), signal_(signal), store_(options), random_(~options.eviction.seed) {}

Stripe::~Stripe() = default;

GetOutcome Stripe::Get(const HashedKey& key, TimePoint now, ValueSink& sink) {
  MutexLock lock(mutex_);
  Entry* entry = store_.Find(key);
  if (entry == nullptr || entry->ExpiredAt(now)) {
    ++stats_.misses;
    return GetOutcome::kMiss;
  }
  ++stats_.hits;
  if (entry->stale) ++stats_.stale_hits;
  store_.Accessed(*entry, now);
  Publish();
  return Deliver(*entry, sink) ? GetOutcome::kHit : GetOutcome::kRefused;
}

uint64_t Stripe::Set(const HashedKey& key, std::string_view value, const SetOptions& options,
                     TimePoint now, MemoryCredit& credit, SetResult& result) {
  Operation operation(*this);
  const Found found = Find(key, now);
  result.outcome = Check(key, options.condition, found.live, now);
  result.version = found.live != nullptr ? found.live->version : 0;
  const bool stores = result.outcome == SetResult::Outcome::kStored;
  const bool keeps_expiry = options.keep_expiry && found.live != nullptr;
  const TimePoint expires_at = keeps_expiry ? found.live->expires_at : options.expires_at;
  if (stores) {
    const uint64_t cost = WriteCost(key, found.entry, value.size(), expires_at);
    if (const uint64_t missing = PayForWrite(operation, found, cost, credit, now)) return missing;
  }
  if (options.previous != nullptr && found.live != nullptr) {
    Deliver(*found.live, *options.previous);
  }
  if (!stores) {
    if (result.outcome == SetResult::Outcome::kLeaseLost) ++stats_.leases_lost;
    return 0;
  }
  std::optional<TimePoint> granted_at;
  if (options.condition.kind == Condition::Kind::kLeaseToken) {
    granted_at = leases_.FindValid(key.key, now)->granted_at;
  }
  Entry& entry = Write(key, found, value.size(), expires_at, now);
  CopyValue(value, entry.value_data());
  entry.flags = options.flags;
  if (granted_at.has_value()) {
    const int64_t took = std::max<int64_t>((now - *granted_at).count(), 0);
    entry.recompute_ms =
        static_cast<uint32_t>(std::min<int64_t>(took, std::numeric_limits<uint32_t>::max()));
  }
  result.version = entry.version;
  return 0;
}

DeleteResult Stripe::Delete(const HashedKey& key, const DeleteOptions& options, TimePoint now) {
  Operation operation(*this);
  const Found found = Find(key, now);
  DeleteResult result;
  if (options.if_version.has_value() &&
      (found.live == nullptr || found.live->version != *options.if_version)) {
    result.current_version = found.live != nullptr ? found.live->version : 0;
    return result;
  }
  leases_.Void(key.key);
  if (found.entry == nullptr) return result;
  result.deleted = found.live != nullptr;
  const bool expired = found.entry->ExpiredAt(now);
  if (!options.stale_until.has_value() || expired) {
    store_.Remove(*found.entry);
  } else if (found.live != nullptr) {
    found.live->stale = true;
    store_.SetExpiry(*found.live, *options.stale_until, now);
  }  // a value that is stale already stays so, no longer than the first Delete said
  return result;
}

uint64_t Stripe::Touch(const HashedKey& key, TimePoint expires_at, TimePoint now,
                       MemoryCredit& credit, TouchResult& result) {
  Operation operation(*this);
  const Found found = Find(key, now);
  result = TouchResult();
  if (found.live == nullptr) return 0;
  const uint64_t cost = WriteCost(key, found.live, found.live->value_bytes, expires_at);
  if (const uint64_t missing = PayForWrite(operation, found, cost, credit, now)) return missing;
  leases_.Void(key.key);
  store_.SetExpiry(*found.live, expires_at, now);
  store_.Accessed(*found.live, now);
  result = {.found = true, .version = found.live->version};
  return 0;
}

uint64_t Stripe::Lease(const HashedKey& key, const LeaseOptions& options, TimePoint now,
                       ValueSink& sink, MemoryCredit& credit, absl::StatusOr<LeaseResult>& result) {
  Operation operation(*this);
  const Found found = Find(key, now);
  const storage::Lease* held = leases_.FindValid(key.key, now);
  const bool early = found.live != nullptr && held == nullptr &&
                     RefreshesEarly(*found.live, options.early_refresh_beta, now);
  LeaseResult answer;
  if (found.live != nullptr && !early) {
    answer.kind = LeaseResult::Kind::kHit;
  } else if (held != nullptr) {
    answer.kind = LeaseResult::Kind::kHeld;
    answer.deadline = held->deadline;
    ++stats_.leases_held;
  } else {
    const uint64_t cost = LeaseTable::BytesOf(key.key.size());
    if (absl::Status status = CheckLeaseLimits(cost); !status.ok()) {
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
  if (found.entry != nullptr && !found.entry->ExpiredAt(now)) {
    ++stats_.hits;
    if (found.live == nullptr) ++stats_.stale_hits;
    store_.Accessed(*found.entry, now);
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
  const Found found = Find(key, now);
  IncrementResult answer;
  TimePoint expires_at;
  if (found.live == nullptr) {
    if (!options.initial.has_value()) {
      result = answer;
      return 0;
    }
    answer.created = true;
    answer.value = *options.initial;
    expires_at = options.created_expires_at;
  } else {
    const std::optional<int64_t> number = ParseInteger(found.live->value());
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
    expires_at = options.expires_at.value_or(found.live->expires_at);
  }
  const Digits digits(answer.value);
  const std::string_view text = digits.view();
  const uint64_t cost = WriteCost(key, found.entry, text.size(), expires_at);
  if (const uint64_t missing = PayForWrite(operation, found, cost, credit, now)) return missing;
  Entry& entry = Write(key, found, text.size(), expires_at, now);
  CopyValue(text, entry.value_data());
  answer.found = true;
  answer.version = entry.version;
  result = answer;
  return 0;
}

uint64_t Stripe::Append(const HashedKey& key, std::string_view bytes, const AppendOptions& options,
                        TimePoint now, MemoryCredit& credit, absl::StatusOr<AppendResult>& result) {
  Operation operation(*this);
  const Found found = Find(key, now);
  if (found.live == nullptr && options.if_present) {
    result = AppendResult();
    return 0;
  }
  const size_t head = found.live != nullptr ? found.live->value_bytes : 0;
  const size_t value_bytes = head + bytes.size();
  if (value_bytes > options.value_bytes_max) {
    result = absl::InvalidArgumentError(
        absl::StrCat("the value would be ", value_bytes, " bytes long; the limit is ",
                     options.value_bytes_max, " (--max_value_bytes)"));
    return 0;
  }
  const TimePoint expires_at =
      found.live != nullptr ? found.live->expires_at : options.created_expires_at;
  const uint64_t cost = WriteCost(key, found.entry, value_bytes, expires_at);
  if (const uint64_t missing = PayForWrite(operation, found, cost, credit, now)) return missing;
  Entry& entry = Write(key, found, value_bytes, expires_at, now);
  CopyValue(bytes, entry.value_data() + head);
  result = AppendResult{.stored = true, .value_bytes = value_bytes, .version = entry.version};
  return 0;
}

uint64_t Stripe::Evict(TimePoint now) {
  Operation operation(*this);
  Entry* victim = store_.Victim(now);
  if (victim == nullptr) return 0;
  ++(victim->ExpiredAt(now) ? stats_.expirations : stats_.evictions);
  leases_.Void(victim->key());
  store_.Remove(*victim);
  return operation.KeepFreed();
}

size_t Stripe::Expire(TimePoint now, size_t removals_max) {
  Operation operation(*this);
  size_t removed = 0;
  for (; removed < removals_max; ++removed) {
    Entry* soonest = store_.SoonestToExpire();
    if (soonest == nullptr || !soonest->ExpiredAt(now)) break;
    store_.Remove(*soonest);
  }
  stats_.expirations += removed;
  return removed + leases_.RemoveDue(now, removals_max - removed);
}

uint64_t Stripe::FlushSlot(uint32_t slot) {
  Operation operation(*this);
  leases_.RemoveSlot(slot);
  return store_.RemoveSlot(slot);
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
  for (size_t i = table.Occupied(table.LowerBound(from.hash)); i < table.end();
       i = table.Occupied(i + 1)) {
    const uint64_t hash = table.hash_at(i);
    const Entry& entry = *table.entry_at(i);
    const bool matches = entry.LiveAt(now) && entry.key().starts_with(options.prefix);
    const std::string_view value = options.keys_only ? std::string_view() : entry.value();
    const size_t bytes = kScanEntryBytes + entry.key_bytes + value.size();
    budget.full = budget.entries == 0 || (matches && budget.any && bytes > budget.bytes);
    if ((budget.full || budget.visits == 0) && hash != given_hash) return {from.slot, hash};
    budget.visits -= std::min<size_t>(budget.visits, 1);
    given_hash = hash;
    if (!matches) continue;
    char* to = sink.Add(entry.key(), entry.info(), value.size());
    if (to != nullptr) CopyValue(value, to);
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
  usage.tables += store_.table_bytes();
  usage.policy += store_.policy_bytes();
  usage.expiry += store_.expiry_bytes();
  usage.leases += leases_.memory_bytes();
  usage.fixed += sizeof(Stripe) + store_.fixed_bytes();
}

Stripe::Found Stripe::Find(const HashedKey& key, TimePoint now) const {
  Found found{store_.Find(key), nullptr};
  if (found.entry != nullptr && found.entry->LiveAt(now)) found.live = found.entry;
  return found;
}

SetResult::Outcome Stripe::Check(const HashedKey& key, const Condition& condition,
                                 const Entry* live, TimePoint now) {
  using Outcome = SetResult::Outcome;
  switch (condition.kind) {
    case Condition::Kind::kNone:
      return Outcome::kStored;
    case Condition::Kind::kIfAbsent:
      return live == nullptr ? Outcome::kStored : Outcome::kExists;
    case Condition::Kind::kIfPresent:
      return live != nullptr ? Outcome::kStored : Outcome::kNotFound;
    case Condition::Kind::kIfVersion:
      if (live == nullptr) return Outcome::kNotFound;
      return live->version == condition.version ? Outcome::kStored : Outcome::kVersionMismatch;
    case Condition::Kind::kLeaseToken: {
      const storage::Lease* lease = leases_.FindValid(key.key, now);
      const bool valid = lease != nullptr && lease->token == condition.token;
      return valid ? Outcome::kStored : Outcome::kLeaseLost;
    }
  }
  return Outcome::kStored;
}

uint64_t Stripe::WriteCost(const HashedKey& key, const Entry* entry, size_t value_bytes,
                           TimePoint expires_at) const {
  return entry == nullptr ? store_.CreateCost(key, value_bytes, expires_at)
                          : store_.ResizeCost(*entry, value_bytes, expires_at);
}

uint64_t Stripe::PayForWrite(Operation& operation, const Found& found, uint64_t cost,
                             MemoryCredit& credit, TimePoint now) {
  const uint64_t missing = operation.Pay(cost, credit);
  if (missing > 0 && found.live != nullptr) store_.Accessed(*found.live, now);
  return missing;
}

Entry& Stripe::Write(const HashedKey& key, const Found& found, size_t value_bytes,
                     TimePoint expires_at, TimePoint now) {
  leases_.Void(key.key);
  Entry* entry = nullptr;
  if (found.entry == nullptr) {
    entry = &store_.Create(key, value_bytes, expires_at, now);
  } else {
    entry = &store_.Resize(*found.entry, key.hash, value_bytes);
    if (found.live == nullptr) {
      if (!entry->stale) ++stats_.expirations;
      entry->stale = false;
      entry->flags = 0;
      store_.Renewed(*entry, now);
    } else {
      store_.Accessed(*entry, now);
    }
    store_.SetExpiry(*entry, expires_at, now);
  }
  entry->version = shared_.clock->Next(now);
  return *entry;
}

absl::Status Stripe::CheckLeaseLimits(uint64_t bytes) const {
  if (shared_.leases->load(std::memory_order_relaxed) >= shared_.leases_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("--max_leases=", shared_.leases_max, " leases are outstanding"));
  }
  if (shared_.lease_bytes->load(std::memory_order_relaxed) + bytes > shared_.lease_bytes_max()) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "outstanding leases use their share of --memory, ", shared_.lease_bytes_max(), " bytes"));
  }
  return absl::OkStatus();
}

// XFetch: Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention",
// VLDB 2015, figure 4. The chance rises as the expiry comes within the time of a recomputation.
bool Stripe::RefreshesEarly(const Entry& live, double beta, TimePoint now) {
  if (beta <= 0 || live.expires_at == kNever || live.recompute_ms == 0) return false;
  const double remaining_ms = static_cast<double>((live.expires_at - now).count());
  return -std::log(random_.Fraction()) * beta * live.recompute_ms >= remaining_ms;
}

void Stripe::Publish() {
  const int64_t rank = store_.policy().VictimRank();
  if (signal_->victim_rank.load(std::memory_order_relaxed) != rank) {
    signal_->victim_rank.store(rank, std::memory_order_relaxed);
  }
  const uint64_t evictable = store_.policy().size();
  if (signal_->evictable.load(std::memory_order_relaxed) != evictable) {
    signal_->evictable.store(evictable, std::memory_order_relaxed);
  }
}

}  // namespace larder::storage
