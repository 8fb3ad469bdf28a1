#ifndef LARDER_STORAGE_EVICTION_LIST_POLICY_H_
#define LARDER_STORAGE_EVICTION_LIST_POLICY_H_

#include "storage/entry.h"
#include "storage/eviction_policy.h"

namespace larder::storage {

// A list in the order of last use (lru, exact) or of insertion (fifo); the oldest goes first.
// The links are in the entries.
class ListPolicy : public EvictionPolicy {
 public:
  enum class Order { kLastUse, kInsertion };
  explicit ListPolicy(Order order) : order_(order) {}

  void Inserted(Entry& entry, TimePoint now) override;
  void Accessed(Entry& entry, TimePoint now) override;
  void Removed(Entry& entry) override;
  void Moved(Entry& from, Entry& to) override;
  Entry* Victim(TimePoint now) override;
  int64_t VictimRank() const override;
  uint64_t size() const override { return size_; }

 private:
  void LinkAsNewest(Entry& entry, TimePoint now);
  void Unlink(Entry& entry);

  const Order order_;
  Entry* newest_ = nullptr;
  Entry* oldest_ = nullptr;
  uint64_t size_ = 0;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_EVICTION_LIST_POLICY_H_
