#include "storage/reclaimer.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "storage/lasting_failure.h"
#include "storage/operations.h"
#include "storage/random.h"

namespace larder::storage {
namespace {

// A stripe may lose its victim to another writer between the look and the lock.
constexpr int kEvictionTries = 16;
// How often one write makes room in its own stripe before it gives up: some milliseconds.
constexpr int kStripeRoomTries = 64;
// How many of the longest records are reserved in the log for what one call into a stripe removes.
constexpr uint64_t kRecordsReserved = 2;
// What is missing is evicted as a whole when it is so little: it may then take that much too much,
// and touches the budget no more often than it must.
constexpr uint64_t kFewBytes = 4096;
// An entry frees more than this.
constexpr uint64_t kEvictedBytesMin = 8;

uint64_t RoomForRemovals(const LogRoom& log_room) {
  return kRecordsReserved * log_room.RoomFor(kKeyBytesMax, /*value_bytes=*/0);
}

Outcome NeedsMemory(absl::Status status) {
  return {Outcome::Kind::kNeedsMemory, std::move(status)};
}

Outcome CopyDoesNotFit() {
  return NeedsMemory(
      absl::ResourceExhaustedError("a copy needs more memory than --memory and a sixteenth of it, "
                                   "and evicts nothing by itself"));
}

// What kept others from being evicted. Done: nothing did, but there is no victim.
Outcome WhyNothingGoes(const Eviction& eviction, const Credit& credit) {
  if (eviction.lacks_authority) return NoAuthority();
  if (eviction.lacks_log_room) return NoLogRoom(RoomForRemovals(credit.log_room));
  if (!credit.evicts) return CopyDoesNotFit();
  return {};
}

}  // namespace

Outcome Reclaimer::ProvideMemory(TimePoint now, MemoryClaim& claim) {
  Credit& credit = claim.credit();
  const uint64_t wanted = credit.memory_bytes + credit.memory_missing;
  if (wanted > parts_.budget->open_bytes() - parts_.fixed_bytes) {
    return NeedsMemory(LastingFailure(absl::ResourceExhaustedError(
        absl::StrCat("the write needs ", wanted,
                     " bytes, more than --memory=", parts_.budget->limit_bytes(), " can hold"))));
  }
  const bool are_few = credit.memory_missing <= kFewBytes && !claim.is_alone();
  if (!are_few) claim.Join();
  Outcome outcome = are_few ? ProvideFew(wanted, now, credit) : ProvideMany(wanted, now, credit);
  if (outcome.kind != Outcome::Kind::kNeedsMemory || IsLasting(outcome.status) ||
      claim.is_alone()) {
    return outcome;
  }
  if (credit.kept != KeptMemory::kNone && !credit.takes_kept) {
    credit.takes_kept = true;
    return {};
  }
  parts_.budget->Release(std::exchange(credit.memory_bytes, 0));
  claim.JoinAlone();
  return ProvideMany(wanted, now, credit);
}

Outcome Reclaimer::ProvideFew(uint64_t wanted, TimePoint now, Credit& credit) {
  while (credit.memory_bytes < wanted) {
    const Eviction eviction = Reclaim(now, {wanted - credit.memory_bytes, credit.evicts});
    credit.memory_bytes += eviction.freed_bytes;
    if (eviction.done) continue;
    if (!credit.evicts && parts_.budget->TryReserveForCopy(wanted - credit.memory_bytes)) {
      credit.memory_bytes = wanted;
      break;
    }
    if (Outcome why = WhyNothingGoes(eviction, credit); !why.done()) return why;
    return DoesNotFit(wanted, /*evictable=*/0, credit);
  }
  return {};
}

Outcome Reclaimer::ProvideMany(uint64_t wanted, TimePoint now, Credit& credit) {
  const uint64_t excess_before = parts_.budget->excess_bytes();
  bool fits = false;
  while (credit.memory_bytes < wanted) {
    const uint64_t missing = wanted - credit.memory_bytes;
    if (parts_.budget->TryReserve(missing)) {
      credit.memory_bytes = wanted;
      break;
    }
    Eviction gain = Reclaim(now, {missing, /*evicts=*/false});
    if (!gain.done) {
      if (!credit.evicts) {
        if (!parts_.budget->TryReserveForCopy(missing)) return CopyDoesNotFit();
        credit.memory_bytes = wanted;
        break;
      }
      if (!fits) {
        if (Outcome outcome = CheckFits(wanted, credit); !outcome.done()) return outcome;
        fits = true;
      }
      credit.memory_bytes += parts_.budget->ReserveUpTo(missing);
      if (credit.memory_bytes == wanted) break;
      gain = Reclaim(now, {wanted - credit.memory_bytes, /*evicts=*/true});
    }
    credit.memory_bytes += gain.freed_bytes;
    if (!gain.done) {
      if (Outcome why = WhyNothingGoes(gain, credit); !why.done()) return why;
      return DoesNotFit(wanted, /*evictable=*/0, credit);
    }
    PayExcess(excess_before, credit);
  }
  return {};
}

void Reclaimer::PayExcess(uint64_t excess_before, Credit& credit) {
  const uint64_t excess = parts_.budget->excess_bytes();
  const uint64_t bytes = std::min(credit.memory_bytes, excess - std::min(excess, excess_before));
  if (bytes == 0) return;
  parts_.budget->Release(bytes);
  credit.memory_bytes -= bytes;
}

Outcome Reclaimer::CheckFits(uint64_t wanted, const Credit& credit) const {
  uint64_t entries = 0;
  for (const StripeSignal& signal : parts_.signals) {
    entries += signal.evictable.load(std::memory_order_relaxed);
  }
  if (entries * kEvictedBytesMin >= wanted) return {};
  if (entries == 0 && wanted <= kFewBytes) return DoesNotFit(wanted, /*evictable=*/0, credit);
  EvictableMemory memory;
  for (const auto& stripe : parts_.stripes) stripe->AddEvictableTo(memory);
  const uint64_t open = parts_.budget->open_bytes();
  const uint64_t used = parts_.budget->used_bytes() - credit.memory_bytes;
  if (used + credit.memory_alone <= open + memory.evictable) return {};
  const uint64_t staying = parts_.fixed_bytes + memory.staying;
  if (!memory.keeps && staying + credit.memory_alone > open) {
    return NeedsMemory(LastingFailure(absl::ResourceExhaustedError(absl::StrCat(
        "the write needs ", credit.memory_alone, " bytes, and --memory=",
        parts_.budget->limit_bytes(), " has ", open - std::min(open, staying), " for entries"))));
  }
  return DoesNotFit(wanted, memory.evictable, credit);
}

Outcome Reclaimer::DoesNotFit(uint64_t wanted, uint64_t evictable, const Credit& credit) const {
  const std::string goes = evictable == 0
                               ? std::string("nothing may be evicted")
                               : absl::StrCat("no more than ", evictable, " may be evicted");
  const uint64_t kept = parts_.budget->kept_bytes();
  const std::string keeps =
      kept == 0 ? std::string() : absl::StrCat(", ", kept, " are kept for ttls of what is there");
  return NeedsMemory(absl::ResourceExhaustedError(absl::StrCat(
      "memory is full: ", parts_.budget->used_bytes() - credit.memory_bytes,
      " of --memory=", parts_.budget->limit_bytes(), " bytes are used", keeps, ", the write needs ",
      std::max(wanted, evictable == 0 ? 0 : credit.memory_alone), ", and ", goes, " under ",
      EvictionFlags(), "; a Delete, or more --memory, makes room")));
}

Outcome Reclaimer::ProvideStripeRoom(Stripe& stripe, TimePoint now, Credit& credit) {
  if (++credit.stripe_room_tries == kStripeRoomTries) {
    return NeedsMemory(
        absl::ResourceExhaustedError("the stripe of this key is making room for records"));
  }
  // From this stripe: what others have is of no use here.
  const Eviction eviction = ReclaimFrom(stripe, now, {credit.memory_missing, credit.evicts});
  credit.memory_bytes += eviction.freed_bytes;
  if (eviction.done) return {};
  if (Outcome why = WhyNothingGoes(eviction, credit); !why.done()) return why;
  return NeedsMemory(LastingFailure(absl::ResourceExhaustedError(absl::StrCat(
      "the stripe of this key has ", parts_.stripe_record_bytes_max, " bytes of records, as many ",
      "as one of ", parts_.stripes.size(), " may have (--stripes), and nothing of it ",
      "may be evicted under ", EvictionFlags()))));
}

std::string Reclaimer::EvictionFlags() const {
  return absl::StrCat(
      "--eviction=", std::string(EvictionKindName(parts_.options->eviction)),
      " --eviction_scope=", std::string(EvictionScopeName(parts_.options->eviction_scope)));
}

Eviction Reclaimer::ReclaimFrom(Stripe& stripe, TimePoint now, Want want) {
  LogRoom log_room(parts_.log);
  while (true) {
    ReserveForRemovals(log_room);
    const Eviction eviction = stripe.Reclaim(now, want.bytes, want.evicts, log_room);
    const bool may_be_outdated = eviction.lacks_log_room && !eviction.done;
    if (!may_be_outdated || !log_room.Renew()) return eviction;
  }
}

void Reclaimer::ReserveForRemovals(LogRoom& log_room) const {
  log_room.Ensure(RoomForRemovals(log_room));
}

Eviction Reclaimer::Reclaim(TimePoint now, Want want) {
  Eviction eviction;
  for (int i = 0; i < kEvictionTries && !eviction.done; ++i) {
    Stripe* stripe = nullptr;
    if (!want.evicts) {
      stripe = WastefulStripe();
    } else {
      stripe = RanksVictims(parts_.options->eviction) ? ColdestStripe() : RandomStripe();
    }
    if (stripe == nullptr) break;
    eviction = ReclaimFrom(*stripe, now, want);
    if (eviction.lacks_log_room || eviction.lacks_authority) break;
  }
  return eviction;
}

Stripe* Reclaimer::WastefulStripe() {
  for (size_t i = 0; i < parts_.signals.size(); ++i) {
    const int64_t rank = parts_.signals[i].victim_rank.load(std::memory_order_relaxed);
    if (rank == StripeSignal::kWithoutEviction) return parts_.stripes[i].get();
  }
  return nullptr;
}

Stripe* Reclaimer::ColdestStripe() {
  int64_t lowest = EvictionPolicy::kNoVictim;
  Stripe* coldest = nullptr;
  for (size_t i = 0; i < parts_.signals.size(); ++i) {
    const int64_t rank = parts_.signals[i].victim_rank.load(std::memory_order_relaxed);
    if (rank >= lowest) continue;
    lowest = rank;
    coldest = parts_.stripes[i].get();
  }
  return coldest;
}

Stripe* Reclaimer::RandomStripe() {
  uint64_t total = 0;
  for (size_t i = 0; i < parts_.signals.size(); ++i) {
    const StripeSignal& signal = parts_.signals[i];
    const int64_t rank = signal.victim_rank.load(std::memory_order_relaxed);
    if (rank == StripeSignal::kWithoutEviction) return parts_.stripes[i].get();
    total += signal.evictable.load(std::memory_order_relaxed);
  }
  if (total == 0) return nullptr;
  const uint64_t call = random_calls_.fetch_add(1, std::memory_order_relaxed);
  uint64_t place = Random::Scale(Random(parts_.options->seed + call).Next(), total);
  Stripe* chosen = nullptr;
  for (size_t i = 0; i < parts_.signals.size(); ++i) {
    const uint64_t evictable = parts_.signals[i].evictable.load(std::memory_order_relaxed);
    if (evictable == 0) continue;
    chosen = parts_.stripes[i].get();
    if (place < evictable) break;
    place -= evictable;
  }
  return chosen;
}

size_t Reclaimer::Shrink(TimePoint now, size_t evictions_max) {
  size_t evictions = 0;
  while (evictions < evictions_max && parts_.budget->exceeded()) {
    const Eviction eviction = Reclaim(now, {parts_.budget->excess_bytes(), /*evicts=*/true});
    if (!eviction.done) break;
    parts_.budget->Release(eviction.freed_bytes);
    evictions += std::max<size_t>(eviction.evicted, 1);
  }
  return evictions;
}

}  // namespace larder::storage
