#include "storage/keyspace.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "storage/entry_log.h"
#include "storage/hashed_key.h"
#include "storage/lasting_failure.h"
#include "storage/random.h"
#include "storage/stripe.h"
#include "storage/unit_pool.h"

namespace larder::storage {
namespace {

// Much of less would be slack. A limit may be lowered later to a part of that.
constexpr uint64_t kMemoryPerStripe = uint64_t{16} << 20;
constexpr uint64_t kSegmentsPerStripeMin = 16;
// What the pools keep to be reused, outside the budget.
constexpr uint64_t kKeptShare = 128;
constexpr uint64_t kKeptBytesMin = uint64_t{256} << 10;
constexpr uint64_t kKeptBytesMax = uint64_t{4} << 20;
// What is prepared may wait to be used, outside the budget until then. No more, since a call is to
// take less than its period even where a page takes milliseconds.
constexpr uint64_t kPreparedShare = 32;
constexpr uint64_t kPreparedBytesMax = uint64_t{32} << 20;
// So many at least, if they need not be too short for that.
constexpr uint64_t kSegmentsPerStripe = 512;
constexpr size_t kRemovalsPerLock = 64;
// Looked through by one Expire, about: some hundred microseconds.
constexpr size_t kBytesPerExpire = size_t{3} << 19;
constexpr size_t kScanVisitsPerLock = 256;
// A stripe may lose its victim to another writer between the look and the lock.
constexpr int kEvictionTries = 16;
// How often one write makes room in its own stripe before it gives up: some milliseconds.
constexpr int kCrowdedTries = 64;
// Of one operation: more than what it could only charge afterwards, few enough to take no time.
constexpr size_t kShrinkPerOperation = 16;

absl::Status CheckNumbers(const KeyspaceOptions& options) {
  if (!std::has_single_bit(options.stripes) || options.stripes > kSlots) {
    return absl::InvalidArgumentError(absl::StrCat(
        "stripes is ", options.stripes, "; it must be a power of two from 1 to ", kSlots));
  }
  if (options.eviction_samples < 1 || options.eviction_samples > 64) {
    return absl::InvalidArgumentError(absl::StrCat("eviction_samples is ", options.eviction_samples,
                                                   "; it must be from 1 to 64"));
  }
  return absl::OkStatus();
}

uint32_t StripesFor(const KeyspaceOptions& options) {
  const uint64_t stripes_max =
      std::bit_floor(std::max<uint64_t>(options.memory_bytes / kMemoryPerStripe, 1));
  return static_cast<uint32_t>(std::min<uint64_t>(options.stripes, stripes_max));
}

size_t SegmentBytesFor(const KeyspaceOptions& options) {
  const uint64_t bytes = options.memory_bytes / StripesFor(options) / kSegmentsPerStripe;
  return std::clamp<size_t>(std::bit_floor(bytes), EntryPools::kSegmentBytesMin,
                            EntryPools::kSegmentBytesMax);
}

// Whether stripes of this layout can do with a budget of so many bytes.
absl::Status CheckMemory(uint64_t bytes, uint64_t stripes, uint64_t segment_bytes,
                         uint64_t record_bytes_max) {
  if (bytes < Keyspace::kMemoryBytesMin) {
    return absl::InvalidArgumentError(
        absl::StrCat("memory_bytes is ", bytes, "; the least is ", Keyspace::kMemoryBytesMin));
  }
  const uint64_t least = stripes * kSegmentsPerStripeMin * segment_bytes;
  if (bytes < least) {
    return absl::InvalidArgumentError(absl::StrCat("memory_bytes is ", bytes, "; with ", stripes,
                                                   " stripes and segments of ", segment_bytes,
                                                   " bytes the least is ", least));
  }
  const uint64_t most = stripes * record_bytes_max;
  if (bytes > most) {
    return absl::InvalidArgumentError(absl::StrCat(
        "memory_bytes (--memory) is ", bytes, "; a stripe holds at most ", record_bytes_max,
        " bytes of records, so with ", stripes, " stripes (--stripes) the most is ", most));
  }
  return absl::OkStatus();
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
      hasher_(options.hash_secret),
      pools_(std::make_unique<EntryPools>(
          SegmentBytesFor(options),
          std::clamp(options.memory_bytes / kKeptShare, kKeptBytesMin, kKeptBytesMax))),
      budget_(options.memory_bytes),
      signals_(StripesFor(options)) {
  const StripeShared shared{&hasher_, pools_.get(),  &budget_,          clock,
                            &leases_, &lease_bytes_, options.leases_max};
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
  fixed_bytes_ = usage.total();
  budget_.Charge(fixed_bytes_);
}

Keyspace::~Keyspace() = default;

Stripe& Keyspace::Approach(uint32_t slot) {
  Stripe& stripe = StripeOf(slot);
  stripe.PrefetchTable(slot);
  return stripe;
}

template <typename Attempt>
absl::Status Keyspace::WithRoom(const HashedKey& key, TimePoint now, Attempt&& attempt) {
  Stripe& stripe = Approach(key.slot);
  MemoryCredit credit;
  absl::Status status;
  int crowded_tries = 0;
  while (const uint64_t missing = attempt(stripe, credit)) {
    if (credit.refusal != WriteRefusal::kNone) {
      status = Answer(stripe, now, missing, credit);
      if (!status.ok()) break;
      if (++crowded_tries == kCrowdedTries) {
        status = absl::ResourceExhaustedError("the stripe of this key is making room for records");
        break;
      }
      continue;
    }
    const uint64_t wanted = credit.bytes + missing;
    if (wanted > budget_.limit_bytes() - fixed_bytes_) {
      status = LastingFailure(absl::ResourceExhaustedError(
          absl::StrCat("the write needs ", wanted,
                       " bytes, more than --memory=", budget_.limit_bytes(), " can hold")));
      break;
    }
    Eviction eviction{.done = true};
    while (credit.bytes < wanted && eviction.done) {
      eviction = Reclaim(now, wanted - credit.bytes);
      credit.bytes += eviction.freed_bytes;
    }
    if (!eviction.done) {
      status = absl::ResourceExhaustedError(absl::StrCat(
          "memory is full (", budget_.used_bytes(), " of --memory=", budget_.limit_bytes(),
          " bytes) and nothing may be evicted under ", EvictionFlags()));
      break;
    }
  }
  budget_.Release(credit.bytes);
  Shrink(now, kShrinkPerOperation);
  return status;
}

std::string Keyspace::EvictionFlags() const {
  return absl::StrCat(
      "--eviction=", std::string(EvictionKindName(options_.eviction)),
      " --eviction_scope=", std::string(EvictionScopeName(options_.eviction_scope)));
}

absl::Status Keyspace::Answer(Stripe& stripe, TimePoint now, uint64_t bytes_wanted,
                              MemoryCredit& credit) {
  switch (std::exchange(credit.refusal, WriteRefusal::kNone)) {
    case WriteRefusal::kNone:
      break;
    case WriteRefusal::kCrowded: {
      // From this stripe: what others have is of no use here.
      const Eviction eviction = stripe.Reclaim(now, bytes_wanted);
      credit.bytes += eviction.freed_bytes;
      if (eviction.done) break;
      return LastingFailure(absl::ResourceExhaustedError(absl::StrCat(
          "the stripe of this key has ", RecordBytesMax(), " bytes of records, as many ",
          "as one of ", stripes_.size(), " may have (--stripes), and nothing of it ",
          "may be evicted under ", EvictionFlags())));
    }
    case WriteRefusal::kEqualHashes:
      return LastingFailure(absl::ResourceExhaustedError(
          absl::StrCat(kEqualHashesMax,
                       " keys of this slot have the same hash as this one, as many as may, and ",
                       "none of them may be evicted under ", EvictionFlags())));
  }
  return absl::OkStatus();
}

Eviction Keyspace::Reclaim(TimePoint now, uint64_t bytes_wanted) {
  for (int i = 0; i < kEvictionTries; ++i) {
    Stripe* stripe = RanksVictims(options_.eviction) ? ColdestStripe() : RandomStripe();
    if (stripe == nullptr) break;
    if (const Eviction eviction = stripe->Reclaim(now, bytes_wanted); eviction.done)
      return eviction;
  }
  return {};
}

Stripe* Keyspace::ColdestStripe() {
  int64_t lowest = EvictionPolicy::kNoVictim;
  Stripe* coldest = nullptr;
  for (size_t i = 0; i < signals_.size(); ++i) {
    const int64_t rank = signals_[i].victim_rank.load(std::memory_order_relaxed);
    if (rank >= lowest) continue;
    lowest = rank;
    coldest = stripes_[i].get();
  }
  return coldest;
}

Stripe* Keyspace::RandomStripe() {
  uint64_t total = 0;
  for (const StripeSignal& signal : signals_) {
    total += signal.evictable.load(std::memory_order_relaxed);
  }
  if (total == 0) return nullptr;
  const uint64_t call = random_calls_.fetch_add(1, std::memory_order_relaxed);
  uint64_t place = Random::Scale(Random(options_.seed + call).Next(), total);
  Stripe* chosen = nullptr;
  for (size_t i = 0; i < signals_.size(); ++i) {
    const uint64_t evictable = signals_[i].evictable.load(std::memory_order_relaxed);
    if (evictable == 0) continue;
    chosen = stripes_[i].get();
    if (place < evictable) break;
    place -= evictable;
  }
  return chosen;
}

size_t Keyspace::Shrink(TimePoint now, size_t evictions_max) {
  size_t evictions = 0;
  for (; evictions < evictions_max && budget_.exceeded(); ++evictions) {
    const Eviction eviction = Reclaim(now, budget_.excess_bytes());
    if (!eviction.done) break;
    budget_.Release(eviction.freed_bytes);
  }
  return evictions;
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
  const HashedKey hashed(key, hasher_);
  SetResult result;
  const absl::Status status = WithRoom(hashed, now, [&](Stripe& stripe, MemoryCredit& credit) {
    return stripe.Set(hashed, value, options, now, credit, result);
  });
  if (!status.ok()) return status;
  return result;
}

DeleteResult Keyspace::Delete(KeyRef key, const DeleteOptions& options, TimePoint now) {
  Stripe& stripe = Approach(key.slot);
  const DeleteResult result = stripe.Delete(HashedKey(key, hasher_), options, now);
  Shrink(now, kShrinkPerOperation);
  return result;
}

absl::StatusOr<LeaseResult> Keyspace::Lease(KeyRef key, const LeaseOptions& options, TimePoint now,
                                            ValueSink& sink) {
  const HashedKey hashed(key, hasher_);
  absl::StatusOr<LeaseResult> result = LeaseResult();
  const absl::Status status = WithRoom(hashed, now, [&](Stripe& stripe, MemoryCredit& credit) {
    return stripe.Lease(hashed, options, now, sink, credit, result);
  });
  if (!status.ok()) return status;
  return result;
}

absl::StatusOr<TouchResult> Keyspace::Touch(KeyRef key, TimePoint expires_at, TimePoint now) {
  const HashedKey hashed(key, hasher_);
  TouchResult result;
  const absl::Status status = WithRoom(hashed, now, [&](Stripe& stripe, MemoryCredit& credit) {
    return stripe.Touch(hashed, expires_at, now, credit, result);
  });
  if (!status.ok()) return status;
  return result;
}

absl::StatusOr<IncrementResult> Keyspace::Increment(KeyRef key, const IncrementOptions& options,
                                                    TimePoint now) {
  const HashedKey hashed(key, hasher_);
  absl::StatusOr<IncrementResult> result = IncrementResult();
  const absl::Status status = WithRoom(hashed, now, [&](Stripe& stripe, MemoryCredit& credit) {
    return stripe.Increment(hashed, options, now, credit, result);
  });
  if (!status.ok()) return status;
  return result;
}

absl::StatusOr<AppendResult> Keyspace::Append(KeyRef key, std::string_view bytes,
                                              const AppendOptions& options, TimePoint now) {
  const HashedKey hashed(key, hasher_);
  absl::StatusOr<AppendResult> result = AppendResult();
  const absl::Status status = WithRoom(hashed, now, [&](Stripe& stripe, MemoryCredit& credit) {
    return stripe.Append(hashed, bytes, options, now, credit, result);
  });
  if (!status.ok()) return status;
  return result;
}

ScanPosition Keyspace::Scan(ScanPosition from, const ScanOptions& options, TimePoint now,
                            ScanSink& sink) {
  ScanBudget left{options.limit, options.bytes_max, options.visits_max};
  while (!from.at_end() && left.entries > 0 && left.visits > 0 && !left.full) {
    ScanBudget part = left;
    part.visits = std::min(left.visits, kScanVisitsPerLock);
    const size_t visits_given = part.visits;
    from = StripeOf(from.slot).ScanSlot(from, options, part, now, sink);
    const size_t visits = visits_given - part.visits + 1;  // the slot itself is one
    part.visits = left.visits - std::min(left.visits, visits);
    left = part;
  }
  return from;
}

uint64_t Keyspace::Flush() {
  // Leases first and at once: slot by slot each would be looked at once for every slot.
  for (const auto& stripe : stripes_) stripe->VoidLeases();
  uint64_t entries = 0;
  for (uint32_t slot = 0; slot < kSlots; ++slot) entries += FlushSlot(slot);
  return entries;
}

uint64_t Keyspace::FlushSlot(uint32_t slot) {
  Stripe& stripe = StripeOf(slot);
  stripe.VoidLeasesOf(slot);
  ScanPosition from{.slot = slot};
  uint64_t entries = 0;
  size_t removed;
  do {
    removed = stripe.FlushSlot(from, kRemovalsPerLock);
    entries += removed;
  } while (removed == kRemovalsPerLock);
  return entries;
}

size_t Keyspace::Expire(TimePoint now, size_t removals_max, bool* more) {
  // Begins elsewhere each time, so that no stripe waits for ever behind a busy one.
  const size_t first = expire_calls_.fetch_add(1, std::memory_order_relaxed);
  SweepBudget budget{removals_max, kBytesPerExpire};
  size_t removed = 0;
  bool is_more = false;
  for (size_t i = 0; i < stripes_.size() && !is_more; ++i) {
    Stripe& stripe = *stripes_[(first + i) & (stripes_.size() - 1)];
    do {
      is_more = budget.is_spent();
      if (is_more) break;
      removed += stripe.Expire(now, budget, &is_more);
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
