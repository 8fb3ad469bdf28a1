#include "storage/eviction/list_policy.h"

namespace larder::storage {

void ListPolicy::Accessed(EntryRef ref, TimePoint now) {
  if (order_ == Order::kInsertion) return;
  if (list_.IsNewest(ref)) {
    list_.Renew(ref, now);
    return;
  }
  list_.Remove(ref);
  list_.AddNewest(ref, now);
}

int64_t ListPolicy::VictimRank() const {
  return list_.empty() ? kNoVictim : list_.oldest_time().time_since_epoch().count();
}

}  // namespace larder::storage
