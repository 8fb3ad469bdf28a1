#ifndef LARDER_STORAGE_RECLAIMER_H_
#define LARDER_STORAGE_RECLAIMER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "storage/keyspace_options.h"
#include "storage/log_room.h"
#include "storage/memory_budget.h"
#include "storage/memory_claim.h"
#include "storage/mutex.h"
#include "storage/need.h"
#include "storage/outcome.h"
#include "storage/stripe.h"
#include "storage/time.h"

namespace larder::storage {

// What a Reclaimer works on. All of it outlives the reclaimer.
struct ReclaimerParts {
  const KeyspaceOptions* options = nullptr;
  AttachedLog* log = nullptr;
  MemoryBudget* budget = nullptr;
  uint64_t fixed_bytes = 0;              // of the budget, whatever entries there are
  uint64_t stripe_record_bytes_max = 0;  // in one stripe, values apart not counted
  std::span<const std::unique_ptr<Stripe>> stripes;
  std::span<const StripeSignal> signals;  // of the stripes
};

// Finds memory for commands: first what is free, then what is wasted, then that of the entries that
// are the coldest of the whole node; as much as is missing, and none if it cannot be enough.
// Thread-safe. Holds no stripe's lock but in calls into it.
class Reclaimer {
 public:
  explicit Reclaimer(const ReclaimerParts& parts) : parts_(parts) {}
  Reclaimer(const Reclaimer&) = delete;
  Reclaimer& operator=(const Reclaimer&) = delete;

  // The lock of all claims.
  SharedMutex* gathering() { return &gathering_; }

  // Each finds what the credit of the claim says is missing. Done: another attempt is worth it.
  Outcome ProvideMemory(TimePoint now, MemoryClaim& claim);
  // Likewise a place for another record in this stripe.
  Outcome ProvideStripeRoom(Stripe& stripe, TimePoint now, Credit& credit);
  // See Keyspace.
  size_t Shrink(TimePoint now, size_t evictions_max);

  // Gets room for what one call into a stripe removes at least, if there is any: without it there
  // is still what is no mutation.
  void ReserveForRemovals(LogRoom& log_room) const;
  // What decides whether something may be evicted, for messages.
  std::string EvictionFlags() const;

 private:
  // What one step is to free, and how.
  struct Want {
    uint64_t bytes = 0;
    bool evicts = false;
  };

  // Raises the credit to `wanted` bytes: by few, or by many, which are gathered bit by bit.
  Outcome ProvideFew(uint64_t wanted, TimePoint now, Credit& credit);
  Outcome ProvideMany(uint64_t wanted, TimePoint now, Credit& credit);
  // Pays for what could only be charged afterwards, like segments to compact into: what those free
  // that were copied from is in the credit. More than that was in excess before.
  void PayExcess(uint64_t excess_before, Credit& credit);
  // Whether the write fits if enough is evicted, or why not.
  Outcome CheckFits(uint64_t wanted, const Credit& credit) const;
  // Says how much is used, and that `evictable` bytes of it could go.
  Outcome DoesNotFit(uint64_t wanted, uint64_t evictable, const Credit& credit) const;

  // Reclaims memory from a stripe that wastes some, or else, with `evicts`, from the one whose
  // victim is the coldest, or, if the policy cannot compare stripes, from one chosen at random in
  // proportion to its entries.
  Eviction Reclaim(TimePoint now, Want want);
  Eviction ReclaimFrom(Stripe& stripe, TimePoint now, Want want);
  Stripe* WastefulStripe();
  Stripe* ColdestStripe();
  Stripe* RandomStripe();

  const ReclaimerParts parts_;
  SharedMutex gathering_;
  alignas(64) std::atomic<uint64_t> random_calls_{0};
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_RECLAIMER_H_
