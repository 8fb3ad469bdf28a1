#include "storage/keyspace.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "storage/commands.h"
#include "storage/entry_log.h"
#include "storage/hashed_key.h"
#include "storage/lasting_failure.h"
#include "storage/log_room.h"
#include "storage/memory_claim.h"
#include "storage/need.h"
#include "storage/reclaimer.h"
#include "storage/stripe.h"
#include "storage/unit_pool.h"

namespace larder::storage {
namespace {

// What the pools keep to be reused, outside the budget.
constexpr uint64_t kKeptShare = 128;
constexpr uint64_t kKeptBytesMin = uint64_t{256} << 10;
// What the budget keeps for small changes of what is there, where no eviction can make room for
// them: enough for a ttl of each entry if they have a kibibyte.
constexpr uint64_t kBudgetKeptShare = 128;
constexpr uint64_t kKeptBytesMax = uint64_t{4} << 20;
// What is prepared may wait to be used, outside the budget until then. No more, since a call is to
// take less than its period even where a page takes milliseconds.
constexpr uint64_t kPreparedShare = 32;
constexpr uint64_t kPreparedBytesMax = uint64_t{32} << 20;
// Looked through by one Expire, about: some hundred microseconds.
constexpr size_t kBytesPerExpire = size_t{3} << 19;
constexpr size_t kScanVisitsPerLock = 256;
// Entries that one operation removes: more than what it could only charge afterwards, few enough
// to take no time.
constexpr size_t kShrinkPerOperation = 256;

bool EvictsAnyKey(const KeyspaceOptions& options) {
  return options.eviction != EvictionKind::kNone &&
         options.eviction_scope == EvictionScope::kAllKeys;
}

Outcome NeedsMemory(absl::Status status) {
  return {Outcome::Kind::kNeedsMemory, std::move(status)};
}

// What a command results in, or why it could not be carried out.
template <typename Result, typename Command>
absl::StatusOr<Result> ResultOf(Keyspace& keyspace, Command command, TimePoint now) {
  if (Outcome outcome = keyspace.Execute(command, now); !outcome.done()) {
    return std::move(outcome.status);
  }
  return std::move(command.result);
}

}  // namespace

absl::Status Keyspace::CheckOptions(const KeyspaceOptions& options) {
  if (const absl::Status status = CheckNumbers(options); !status.ok()) return status;
  const size_t segment_bytes = SegmentBytesFor(options);
  return CheckMemory(options.memory_bytes, StripesFor(options), segment_bytes,
                     EntryLog::RecordBytesMax(options.stripe_segments_max, segment_bytes));
}

absl::StatusOr<std::unique_ptr<Keyspace>> Keyspace::Create(const KeyspaceOptions& options,
                                                           HybridClock* clock) {
  if (const absl::Status status = CheckOptions(options); !status.ok()) return status;
  return std::unique_ptr<Keyspace>(new Keyspace(options, clock));
}

uint64_t Keyspace::RecordBytesMax() const {
  return EntryLog::RecordBytesMax(options_.stripe_segments_max, pools_->segments.unit_bytes());
}

Keyspace::Keyspace(const KeyspaceOptions& options, HybridClock* clock)
    : options_(options),
      clock_(clock),
      hasher_(options.hash_secret),
      pools_(std::make_unique<EntryPools>(
          SegmentBytesFor(options),
          std::clamp(options.memory_bytes / kKeptShare, kKeptBytesMin, kKeptBytesMax))),
      budget_(options.memory_bytes, EvictsAnyKey(options) ? 0 : kBudgetKeptShare),
      signals_(StripesFor(options)) {
  const StripeShared shared{.hasher = &hasher_,
                            .pools = pools_.get(),
                            .budget = &budget_,
                            .clock = clock,
                            .leases = &counters_.leases,
                            .lease_bytes = &counters_.lease_bytes,
                            .leases_max = options.leases_max,
                            .authority = options.authority};
  const auto stripes = static_cast<uint32_t>(signals_.size());
  stripes_.reserve(stripes);
  MemoryUsage usage;
  for (uint32_t i = 0; i < stripes; ++i) {
    EntryStoreOptions store;
    store.stripes = stripes;
    store.scope = options.eviction_scope;
    store.segments_max = options.stripe_segments_max;
    store.eviction.kind = options.eviction;
    store.eviction.samples = options.eviction_samples;
    store.eviction.seed = Random::Mix(options.seed + i);
    stripes_.push_back(std::make_unique<Stripe>(store, shared, &signals_[i]));
    stripes_.back()->AddMemoryTo(usage);
  }
  budget_.Charge(usage.total());
  reclaimer_ =
      std::make_unique<Reclaimer>(ReclaimerParts{.options = &options_,
                                                 .log = &log_,
                                                 .budget = &budget_,
                                                 .fixed_bytes = usage.total(),
                                                 .stripe_record_bytes_max = RecordBytesMax(),
                                                 .stripes = stripes_,
                                                 .signals = signals_});
}

Keyspace::~Keyspace() = default;

Stripe& Keyspace::Approach(uint32_t slot) {
  Stripe& stripe = StripeOf(slot);
  stripe.PrefetchTable(slot);
  return stripe;
}

template <typename Command>
Outcome Keyspace::Execute(Command& command, TimePoint now) {
  Stripe& stripe = Approach(command.key.slot);
  const HashedKey key(command.key, hasher_);
  Credit credit(&log_, Command::kOwn);
  if constexpr (Command::kMutates) {
    // Mostly enough, and mostly there; an attempt says what it lacks.
    credit.log_room.EnsureRecord(command.key.key.size(), command.value_bytes());
  }
  Outcome outcome;
  if (const Need need = stripe.Attempt(command, key, now, credit); need != Need::kNothing) {
    outcome = ExecuteWith(need, command, key, now, credit);
  }
  if (budget_.exceeded()) [[unlikely]]
    Shrink(now, kShrinkPerOperation);
  return outcome;
}

template <typename Command>
Outcome Keyspace::ExecuteWith(Need need, Command& command, const HashedKey& key, TimePoint now,
                              Credit& credit) {
  Stripe& stripe = StripeOf(key.slot);
  MemoryClaim claim(&credit, reclaimer_->gathering());
  Outcome outcome;
  do {
    outcome = Provide(need, stripe, now, claim);
  } while (outcome.done() && (need = stripe.Attempt(command, key, now, credit)) != Need::kNothing);
  if (credit.memory_bytes > 0) budget_.Release(credit.memory_bytes);
  return outcome;
}

template Outcome Keyspace::Execute(SetCommand&, TimePoint);
template Outcome Keyspace::Execute(DeleteCommand&, TimePoint);
template Outcome Keyspace::Execute(TouchCommand&, TimePoint);
template Outcome Keyspace::Execute(LeaseCommand&, TimePoint);
template Outcome Keyspace::Execute(IncrementCommand&, TimePoint);
template Outcome Keyspace::Execute(AppendCommand&, TimePoint);
template Outcome Keyspace::Execute(ApplyCommand&, TimePoint);

Outcome Keyspace::Provide(Need need, Stripe& stripe, TimePoint now, MemoryClaim& claim) {
  Credit& credit = claim.credit();
  switch (need) {
    case Need::kNothing:
      break;
    case Need::kMemory:
      return reclaimer_->ProvideMemory(now, claim);
    case Need::kStripeRoom:
      return reclaimer_->ProvideStripeRoom(stripe, now, credit);
    case Need::kEqualHashes:
      return NeedsMemory(LastingFailure(absl::ResourceExhaustedError(
          absl::StrCat(kEqualHashesMax,
                       " keys of this slot have the same hash as this one, as many as may, and ",
                       "none of them may be evicted under ", reclaimer_->EvictionFlags()))));
    case Need::kLogRoom:
      static_cast<void>(credit.log_room.Renew());
      if (credit.log_room_wanted > credit.log_room.RoomMax()) {
        return NeedsMemory(LastingFailure(absl::ResourceExhaustedError(
            absl::StrCat("the write needs ", credit.log_room_wanted,
                         " bytes of the log, which can hold ", credit.log_room.RoomMax()))));
      }
      if (!credit.log_room.Ensure(credit.log_room_wanted)) {
        return NoLogRoom(credit.log_room_wanted);
      }
      break;
    case Need::kSlot:
      return {Outcome::Kind::kNotOwner,
              absl::FailedPreconditionError("another node owns the slot of this key")};
    case Need::kAuthority:
      return NoAuthority();
  }
  return {};
}

size_t Keyspace::Shrink(TimePoint now, size_t evictions_max) {
  return reclaimer_->Shrink(now, evictions_max);
}

absl::Status Keyspace::SetMemoryLimit(uint64_t bytes) {
  const absl::Status status =
      CheckMemory(bytes, stripes_.size(), pools_->segments.unit_bytes(), RecordBytesMax());
  if (status.ok()) budget_.SetLimit(bytes);
  return status;
}

void Keyspace::PrepareMemory() {
  const uint64_t limit = budget_.limit_bytes();
  const uint64_t unused = limit - std::min(limit, budget_.used_bytes());
  uint64_t bytes_max = std::min({limit / kPreparedShare, kPreparedBytesMax, unused});
  for (UnitPool* pool : {&pools_->segments, &pools_->pages, &pools_->blocks}) {
    bytes_max -= std::min(bytes_max, pool->Prepare(bytes_max));
  }
}

void Keyspace::Prefetch(std::span<const KeyRef> keys) const {
  absl::InlinedVector<HashedKey, 16> hashed;
  for (const KeyRef key : keys) {
    StripeOf(key.slot).PrefetchTable(key.slot);
    hashed.emplace_back(key, hasher_);
  }
  for (const HashedKey& key : hashed) StripeOf(key.slot).PrefetchCells(key);
  for (const HashedKey& key : hashed) StripeOf(key.slot).PrefetchEntry(key);
}

GetOutcome Keyspace::Get(KeyRef key, TimePoint now, ValueSink& sink) {
  Stripe& stripe = Approach(key.slot);
  return stripe.Get(HashedKey(key, hasher_), now, sink);
}

absl::StatusOr<SetResult> Keyspace::Set(KeyRef key, std::string_view value,
                                        const SetOptions& options, TimePoint now) {
  return ResultOf<SetResult>(*this, SetCommand{key, value, options}, now);
}

absl::StatusOr<DeleteResult> Keyspace::Delete(KeyRef key, const DeleteOptions& options,
                                              TimePoint now) {
  return ResultOf<DeleteResult>(*this, DeleteCommand{key, options}, now);
}

absl::StatusOr<LeaseResult> Keyspace::Lease(KeyRef key, const LeaseOptions& options, TimePoint now,
                                            ValueSink& sink) {
  return ResultOf<LeaseResult>(*this, LeaseCommand{key, options, sink}, now);
}

absl::StatusOr<TouchResult> Keyspace::Touch(KeyRef key, TimePoint expires_at, TimePoint now) {
  return ResultOf<TouchResult>(*this, TouchCommand{key, expires_at}, now);
}

absl::StatusOr<IncrementResult> Keyspace::Increment(KeyRef key, const IncrementOptions& options,
                                                    TimePoint now) {
  return ResultOf<IncrementResult>(*this, IncrementCommand{key, options}, now);
}

absl::StatusOr<AppendResult> Keyspace::Append(KeyRef key, std::string_view bytes,
                                              const AppendOptions& options, TimePoint now) {
  return ResultOf<AppendResult>(*this, AppendCommand{key, bytes, options}, now);
}

ScanPosition Keyspace::Scan(ScanPosition from, const ScanOptions& options, TimePoint now,
                            ScanSink& sink) {
  WalkBudget left{options.limit, options.bytes_max, options.visits_max};
  while (!from.at_end() && left.entries > 0 && left.visits > 0 && !left.full) {
    WalkBudget part = left;
    part.visits = std::min(left.visits, kScanVisitsPerLock);
    const size_t visits_given = part.visits;
    from = StripeOf(from.slot).ScanSlot(from, options, part, now, sink);
    const size_t visits = visits_given - part.visits + 1;  // the slot itself is one
    part.visits = left.visits - std::min(left.visits, visits);
    left = part;
  }
  return from;
}

void Keyspace::SetSlotOwned(uint32_t slot, bool owned, TimePoint now) {
  StripeOf(slot).SetOwned(slot, owned, now);
}

absl::StatusOr<uint64_t> Keyspace::Flush(TimePoint now) {
  uint64_t entries = 0;
  for (uint32_t slot = 0; slot < kSlots; ++slot) {
    const auto flushed = FlushSlotAs(slot, /*version=*/0, now);
    if (flushed.ok()) {
      entries += *flushed;
    } else if (!absl::IsFailedPrecondition(flushed.status())) {
      return flushed.status();
    }
  }
  return entries;
}

absl::StatusOr<uint64_t> Keyspace::FlushSlot(uint32_t slot, TimePoint now) {
  return FlushSlotAs(slot, /*version=*/0, now);
}

absl::StatusOr<uint64_t> Keyspace::FlushSlotAs(uint32_t slot, uint64_t version, TimePoint now) {
  Stripe& stripe = StripeOf(slot);
  while (!stripe.PrepareFlush(slot)) {
  }
  Credit credit(&log_);
  static_cast<void>(credit.log_room.Ensure(credit.log_room.RoomFor(0, 0)));
  uint64_t entries = 0;
  MemoryClaim claim(&credit, reclaimer_->gathering());
  Need need;
  while ((need = stripe.FlushSlot(slot, version, now, credit, &entries)) != Need::kNothing) {
    Outcome outcome = Provide(need, stripe, now, claim);
    if (!outcome.done()) return std::move(outcome.status);
  }
  if (budget_.exceeded()) Shrink(now, kShrinkPerOperation);
  return entries;
}

size_t Keyspace::Expire(TimePoint now, size_t removals_max, bool* more) {
  // Begins elsewhere each time, so that no stripe waits for ever behind a busy one.
  const size_t first = counters_.expire_calls.fetch_add(1, std::memory_order_relaxed);
  SweepBudget budget{removals_max, kBytesPerExpire};
  size_t removed = 0;
  bool is_more = false;
  for (size_t i = 0; i < stripes_.size() && !is_more; ++i) {
    Stripe& stripe = *stripes_[(first + i) & (stripes_.size() - 1)];
    do {
      is_more = budget.is_spent();
      if (is_more) break;
      LogRoom log_room(&log_);
      reclaimer_->ReserveForRemovals(log_room);
      removed += stripe.Expire(now, budget, log_room, &is_more);
    } while (is_more);
  }
  if (more != nullptr) *more = is_more;
  return removed;
}

SlotStats Keyspace::StatsOfSlot(uint32_t slot) const { return StripeOf(slot).StatsOfSlot(slot); }

KeyspaceStats Keyspace::Stats() const {
  KeyspaceStats stats;
  for (const auto& stripe : stripes_) stripe->AddStatsTo(stats);
  return stats;
}

MemoryUsage Keyspace::Memory() const {
  MemoryUsage usage;
  for (const auto& stripe : stripes_) stripe->AddMemoryTo(usage);
  return usage;
}

}  // namespace larder::storage
