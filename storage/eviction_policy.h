#ifndef LARDER_STORAGE_EVICTION_POLICY_H_
#define LARDER_STORAGE_EVICTION_POLICY_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

#include "storage/entry.h"
#include "storage/entry_log.h"
#include "storage/eviction_kind.h"
#include "storage/location.h"
#include "storage/random.h"
#include "storage/time.h"

namespace larder::storage {

// What a policy may ask of the store whose entries it orders.
class EvictionHost {
 public:
  virtual EntryLog& log() = 0;
  // Makes the entry the newest of a queue of the log. Voids other references.
  virtual EntryRef MoveToNewest(EntryLog::Queue queue, EntryRef ref, TimePoint now) = 0;
  // One of the entries that may be evicted, uniformly at random; none if there is none.
  virtual EntryRef AnyEvictable(Random& random) = 0;
  // Says that the records behind this one in the log are looked at soon. Returns the hash of the
  // next one's key, if there is one that lives, else 0.
  virtual uint64_t PrefetchAfter(EntryRef ref) const = 0;
  virtual uint64_t HashOf(const Entry& entry) const = 0;
  // How many may be evicted.
  virtual uint64_t evictable_count() const = 0;

 protected:
  ~EvictionHost() = default;
};

// Decides which entry of one stripe goes next when room is needed, and which stripe goes next.
// Not thread-safe: every call is made under the stripe's lock. Learns of the entries that may be
// evicted only. A policy may keep bytes of its own in front of every entry, and uses the two policy
// bits in it.
class EvictionPolicy {
 public:
  // The rank of a stripe that has no victim.
  static constexpr int64_t kNoVictim = std::numeric_limits<int64_t>::max();

  virtual ~EvictionPolicy() = default;

  // Into which queue of the log an entry with this hash goes, which is about to be created.
  virtual EntryLog::Queue Place(uint64_t /*hash*/) { return EntryLog::Queue::kFirst; }
  // Says that Place may come soon.
  virtual void PrefetchPlace(uint64_t /*hash*/) const {}

  virtual void Inserted(EntryRef ref, TimePoint now) = 0;
  // The entry was read or its value replaced.
  virtual void Accessed(EntryRef ref, TimePoint now) = 0;
  virtual void Removed(EntryRef ref) = 0;
  // The entry lives at `to` now, a copy of `from`.
  virtual void Moved(EntryRef from, EntryRef to) = 0;

  // The entry to evict, or none. The store removes it at once.
  virtual EntryRef Victim(TimePoint now) = 0;
  // How soon the stripe's victim should go compared with that of other stripes under the same
  // policy: the lowest goes first. A policy that cannot tell says 0 for "some victim".
  virtual int64_t VictimRank() const = 0;

  // Memory of its own, outside the entries, and by how much the next Inserted would grow it.
  virtual uint64_t memory_bytes() const { return 0; }
  virtual uint64_t growth_bytes() const { return 0; }
};

struct EvictionPolicyOptions {
  EvictionKind kind = EvictionKind::kS3Fifo;
  uint32_t samples = 10;
  uint64_t seed = 1;
};

// True if VictimRank of different stripes can be compared.
bool RanksVictims(EvictionKind kind);
// True if Accessed can change VictimRank.
bool RanksByUse(EvictionKind kind);
// What the policy keeps in front of every entry, a multiple of the alignment of records.
size_t PolicyBytesPerEntry(EvictionKind kind);
// True if the policy takes the order in the log for the order of its queues.
bool NeedsLogOrder(EvictionKind kind);

// `host` must outlive the policy.
std::unique_ptr<EvictionPolicy> MakeEvictionPolicy(const EvictionPolicyOptions& options,
                                                   EvictionHost* host);

}  // namespace larder::storage

#endif  // LARDER_STORAGE_EVICTION_POLICY_H_
