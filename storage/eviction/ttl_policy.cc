#include "storage/eviction/ttl_policy.h"

namespace larder::storage {
namespace {

// Above every expiry that is not kNever, so that such entries of any stripe come last.
constexpr int64_t kNeverExpiresRank = int64_t{1} << 62;

}  // namespace

Entry* TtlPolicy::Victim(TimePoint now) {
  Entry* soonest = expiry_->Soonest();
  return soonest != nullptr ? soonest : list_.Victim(now);
}

int64_t TtlPolicy::VictimRank() const {
  const Entry* soonest = expiry_->Soonest();
  if (soonest != nullptr) return soonest->expires_at.time_since_epoch().count();
  return list_.size() == 0 ? kNoVictim : kNeverExpiresRank + list_.VictimRank();
}

}  // namespace larder::storage
