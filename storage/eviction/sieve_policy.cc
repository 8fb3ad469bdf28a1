#include "storage/eviction/sieve_policy.h"

#include "storage/entry.h"

namespace larder::storage {

void SievePolicy::Inserted(EntryRef ref, TimePoint now) {
  ref->set_policy_bits(0);
  list_.AddNewest(ref, now);
}

void SievePolicy::Accessed(EntryRef ref, TimePoint /*now*/) {
  if (ref->policy_bits() == 0) ref->set_policy_bits(1);
}

void SievePolicy::Removed(EntryRef ref) {
  if (hand_ == ref.at) hand_ = list_.NewerThan(ref).at;
  list_.Remove(ref);
}

void SievePolicy::Moved(EntryRef from, EntryRef to) {
  if (hand_ == from.at) hand_ = to.at;
  list_.Moved(from, to);
}

EntryRef SievePolicy::Victim(TimePoint /*now*/) {
  EntryRef ref = AtHand();
  if (!ref) return {};
  for (int steps = 0; ref->policy_bits() != 0 && steps < kStepsMax; ++steps) {
    ref->set_policy_bits(0);
    ref = list_.NewerThan(ref);
    if (!ref) ref = list_.oldest();
  }
  hand_ = ref.at;
  return ref;
}

int64_t SievePolicy::VictimRank() const {
  const EntryRef ref = AtHand();
  return ref ? EntryList::TimeOf(ref).time_since_epoch().count() : kNoVictim;
}

}  // namespace larder::storage
