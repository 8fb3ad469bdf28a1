#ifndef LARDER_STORAGE_EVICTION_POLICY_H_
#define LARDER_STORAGE_EVICTION_POLICY_H_

#include <cstdint>
#include <limits>
#include <memory>

#include "storage/eviction_kind.h"
#include "storage/time.h"

namespace larder::storage {

struct Entry;
class ExpiryIndex;

// Decides which entry of one stripe goes next when room is needed.
// Not thread-safe: every call is made under the stripe's lock. Holds entries by pointer between
// Inserted and Removed; the stripe says when one moves. Allocates only in Inserted.
class EvictionPolicy {
 public:
  // The rank of a stripe that has no victim.
  static constexpr int64_t kNoVictim = std::numeric_limits<int64_t>::max();

  virtual ~EvictionPolicy() = default;

  virtual void Inserted(Entry& entry, TimePoint now) = 0;
  // The entry was read or its value replaced.
  virtual void Accessed(Entry& entry, TimePoint now) = 0;
  virtual void Removed(Entry& entry) = 0;
  // The entry lives at `to` now, already a copy of `from`.
  virtual void Moved(Entry& from, Entry& to) = 0;

  // The entry to evict, or nullptr if there is none. It stays until the stripe removes it.
  virtual Entry* Victim(TimePoint now) = 0;
  // How soon the stripe's victim should go compared with that of other stripes under the same
  // policy: the lowest goes first. A policy that samples cannot tell and says 0 for "some victim".
  virtual int64_t VictimRank() const = 0;
  // Entries that may be evicted.
  virtual uint64_t size() const = 0;

  // Memory of its own, outside the entries, and by how much the next Inserted would grow it.
  virtual uint64_t memory_bytes() const { return 0; }
  virtual uint64_t growth_bytes() const { return 0; }
};

struct EvictionPolicyOptions {
  EvictionKind kind = EvictionKind::kLru;
  uint32_t samples = 10;
  uint64_t seed = 1;
  const ExpiryIndex* expiry = nullptr;  // of the same stripe; must outlive the policy
};

// True if VictimRank of different stripes can be compared.
bool RanksVictims(EvictionKind kind);

std::unique_ptr<EvictionPolicy> MakeEvictionPolicy(const EvictionPolicyOptions& options);

}  // namespace larder::storage

#endif  // LARDER_STORAGE_EVICTION_POLICY_H_
