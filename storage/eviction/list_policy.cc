#include "storage/eviction/list_policy.h"

namespace larder::storage {

void ListPolicy::Inserted(Entry& entry, TimePoint now) {
  LinkAsNewest(entry, now);
  ++size_;
}

void ListPolicy::Accessed(Entry& entry, TimePoint now) {
  if (order_ == Order::kInsertion) return;
  if (newest_ == &entry) {
    entry.policy_time = now;
    return;
  }
  Unlink(entry);
  LinkAsNewest(entry, now);
}

void ListPolicy::Removed(Entry& entry) {
  Unlink(entry);
  --size_;
}

void ListPolicy::Moved(Entry& /*from*/, Entry& to) {
  (to.newer != nullptr ? to.newer->older : newest_) = &to;
  (to.older != nullptr ? to.older->newer : oldest_) = &to;
}

Entry* ListPolicy::Victim(TimePoint /*now*/) { return oldest_; }

int64_t ListPolicy::VictimRank() const {
  return oldest_ == nullptr ? kNoVictim : oldest_->policy_time.time_since_epoch().count();
}

void ListPolicy::LinkAsNewest(Entry& entry, TimePoint now) {
  entry.policy_time = now;
  entry.newer = nullptr;
  entry.older = newest_;
  (newest_ != nullptr ? newest_->newer : oldest_) = &entry;
  newest_ = &entry;
}

void ListPolicy::Unlink(Entry& entry) {
  (entry.newer != nullptr ? entry.newer->older : newest_) = entry.older;
  (entry.older != nullptr ? entry.older->newer : oldest_) = entry.newer;
}

}  // namespace larder::storage
