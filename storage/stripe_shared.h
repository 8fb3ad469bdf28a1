#ifndef LARDER_STORAGE_STRIPE_SHARED_H_
#define LARDER_STORAGE_STRIPE_SHARED_H_

#include <atomic>
#include <cstdint>

#include "absl/status/status.h"
#include "storage/hybrid_clock.h"
#include "storage/key_hasher.h"
#include "storage/memory_budget.h"
#include "storage/unit_pool.h"
#include "storage/write_authority.h"

namespace larder::storage {

// What all stripes of a keyspace share. Everything outlives the stripes.
struct StripeShared {
  const KeyHasher* hasher = nullptr;
  EntryPools* pools = nullptr;
  MemoryBudget* budget = nullptr;
  HybridClock* clock = nullptr;
  std::atomic<uint64_t>* leases = nullptr;       // outstanding, over all stripes
  std::atomic<uint64_t>* lease_bytes = nullptr;  // their memory
  uint64_t leases_max = 0;
  const WriteAuthority* authority = nullptr;  // nullptr: always

  // Leases can not be evicted, so they may use a part of the budget only.
  uint64_t lease_bytes_max() const { return budget->limit_bytes() / 8; }
  // RESOURCE_EXHAUSTED: no further lease of this many bytes may be granted.
  absl::Status CheckLease(uint64_t bytes) const;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_STRIPE_SHARED_H_
