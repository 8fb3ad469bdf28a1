#ifndef LARDER_STORAGE_EVICTION_LIST_POLICY_H_
#define LARDER_STORAGE_EVICTION_LIST_POLICY_H_

#include "storage/eviction/entry_list.h"
#include "storage/eviction_policy.h"

namespace larder::storage {

// A list in the order of last use (lru, exact) or of insertion (fifo); the oldest goes first.
class ListPolicy : public EvictionPolicy {
 public:
  enum class Order { kLastUse, kInsertion };
  ListPolicy(EvictionHost* host, Order order) : order_(order), list_(&host->log()) {}

  void Inserted(EntryRef ref, TimePoint now) override { list_.AddNewest(ref, now); }
  void Accessed(EntryRef ref, TimePoint now) override;
  void Removed(EntryRef ref) override { list_.Remove(ref); }
  void Moved(EntryRef from, EntryRef to) override { list_.Moved(from, to); }
  EntryRef Victim(TimePoint /*now*/) override { return list_.oldest(); }
  int64_t VictimRank() const override;

 private:
  const Order order_;
  EntryList list_;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_EVICTION_LIST_POLICY_H_
