#ifndef LARDER_STORAGE_EVICTION_TTL_POLICY_H_
#define LARDER_STORAGE_EVICTION_TTL_POLICY_H_

#include "storage/eviction/list_policy.h"
#include "storage/eviction_policy.h"
#include "storage/expiry_index.h"

namespace larder::storage {

// Soonest expiry first. Entries that never expire go after all others, in the order of insertion.
class TtlPolicy : public EvictionPolicy {
 public:
  explicit TtlPolicy(const ExpiryIndex* expiry) : expiry_(expiry) {}

  void Inserted(Entry& entry, TimePoint now) override { list_.Inserted(entry, now); }
  void Accessed(Entry& /*entry*/, TimePoint /*now*/) override {}
  void Removed(Entry& entry) override { list_.Removed(entry); }
  void Moved(Entry& from, Entry& to) override { list_.Moved(from, to); }
  Entry* Victim(TimePoint now) override;
  int64_t VictimRank() const override;
  uint64_t size() const override { return list_.size(); }

 private:
  const ExpiryIndex* expiry_;
  ListPolicy list_{ListPolicy::Order::kInsertion};
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_EVICTION_TTL_POLICY_H_
