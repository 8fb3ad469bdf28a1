#include "storage/eviction/ttl_policy.h"

#include "storage/entry.h"

namespace larder::storage {
namespace {

// Above every expiry that is not kNever, so that such entries of any stripe come last.
constexpr int64_t kNeverExpiresRank = int64_t{1} << 62;

}  // namespace

void TtlPolicy::Inserted(EntryRef ref, TimePoint now) {
  const TimePoint expires_at = ref->expires_at();
  if (expires_at == kNever) {
    ref->set_policy_bits(kAmongOthers);
    others_.AddNewest(ref, now);
  } else {
    ref->set_policy_bits(kInHeap);
    heap_.Add(ref, expires_at);
  }
}

void TtlPolicy::Removed(EntryRef ref) {
  if (ref->policy_bits() == kInHeap) {
    heap_.Remove(ref);
  } else {
    others_.Remove(ref);
  }
}

void TtlPolicy::Moved(EntryRef from, EntryRef to) {
  if (to->policy_bits() == kInHeap) {
    heap_.Moved(to);
  } else {
    others_.Moved(from, to);
  }
}

EntryRef TtlPolicy::Victim(TimePoint /*now*/) {
  return heap_.empty() ? others_.oldest() : heap_.soonest();
}

int64_t TtlPolicy::VictimRank() const {
  if (!heap_.empty()) return heap_.soonest_expiry().time_since_epoch().count();
  if (others_.empty()) return kNoVictim;
  return kNeverExpiresRank + others_.oldest_time().time_since_epoch().count();
}

}  // namespace larder::storage
