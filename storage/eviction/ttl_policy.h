#ifndef LARDER_STORAGE_EVICTION_TTL_POLICY_H_
#define LARDER_STORAGE_EVICTION_TTL_POLICY_H_

#include <cstddef>
#include <cstdint>

#include "storage/eviction/entry_list.h"
#include "storage/eviction/expiry_heap.h"
#include "storage/eviction_policy.h"

namespace larder::storage {

// Soonest expiry first. Entries that never expire go after all others, in the order of insertion.
class TtlPolicy : public EvictionPolicy {
 public:
  static constexpr size_t kEntryBytes = ExpiryHeap::kBefore;

  explicit TtlPolicy(EvictionHost* host) : heap_(&host->log()), others_(&host->log()) {}

  void Inserted(EntryRef ref, TimePoint now) override;
  void Accessed(EntryRef /*ref*/, TimePoint /*now*/) override {}
  void Removed(EntryRef ref) override;
  void Moved(EntryRef from, EntryRef to) override;
  EntryRef Victim(TimePoint now) override;
  int64_t VictimRank() const override;
  uint64_t memory_bytes() const override { return heap_.memory_bytes(); }
  uint64_t growth_bytes() const override { return heap_.growth_bytes(); }

 private:
  // In the policy bits: where the entry is.
  static constexpr uint8_t kInHeap = 1;
  static constexpr uint8_t kAmongOthers = 0;

  ExpiryHeap heap_;
  EntryList others_;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_EVICTION_TTL_POLICY_H_
