#include "storage/eviction/slru_policy.h"

#include <algorithm>

#include "storage/entry.h"

namespace larder::storage {
namespace {

constexpr uint64_t kHotPercent = 20;
constexpr uint64_t kWarmPercent = 40;
// Moves of one operation: each insertion makes one too many, so that a few keep up.
constexpr int kMovesMax = 8;

}  // namespace

SlruPolicy::SlruPolicy(EvictionHost* host)
    : lists_{EntryList(&host->log()), EntryList(&host->log()), EntryList(&host->log())} {}

void SlruPolicy::Inserted(EntryRef ref, TimePoint now) {
  ref->set_policy_bits(kUnused);
  Add(ref, kHot, now);
  Balance(now);
}

void SlruPolicy::Accessed(EntryRef ref, TimePoint now) {
  const uint8_t bits = ref->policy_bits();
  if (bits == kActive) return;
  ref->set_policy_bits(bits == kUnused ? kUsed : kActive);
  if (bits != kUsed || ListOf(ref) != kCold) return;
  Remove(ref);
  ref->set_policy_bits(kUsed);
  Add(ref, kWarm, now);
}

void SlruPolicy::Removed(EntryRef ref) { Remove(ref); }

void SlruPolicy::Moved(EntryRef from, EntryRef to) { lists_[ListOf(to)].Moved(from, to); }

EntryRef SlruPolicy::Victim(TimePoint now) {
  Balance(now);
  for (const List list : {kCold, kHot, kWarm}) {
    if (!lists_[list].empty()) return lists_[list].oldest();
  }
  return {};
}

int64_t SlruPolicy::VictimRank() const {
  for (const List list : {kCold, kHot, kWarm}) {
    if (lists_[list].empty()) continue;
    return lists_[list].oldest_time().time_since_epoch().count();
  }
  return kNoVictim;
}

void SlruPolicy::Add(EntryRef ref, List list, TimePoint now) {
  ListNumber::Set(ref.entry, list);
  lists_[list].AddNewest(ref, now);
  ++counts_[list];
}

void SlruPolicy::Remove(EntryRef ref) {
  const List list = ListOf(ref);
  lists_[list].Remove(ref);
  --counts_[list];
}

void SlruPolicy::Demote(List list, TimePoint now) {
  const EntryRef ref = lists_[list].oldest();
  const bool active = ref->policy_bits() == kActive;
  Remove(ref);
  if (active) ref->set_policy_bits(kUsed);
  Add(ref, active ? kWarm : kCold, now);
}

void SlruPolicy::Balance(TimePoint now) {
  const uint64_t count = counts_[kHot] + counts_[kWarm] + counts_[kCold];
  for (int i = 0; i < kMovesMax; ++i) {
    if (counts_[kHot] > count * kHotPercent / 100) {
      Demote(kHot, now);
    } else if (counts_[kWarm] > count * kWarmPercent / 100) {
      Demote(kWarm, now);
    } else {
      return;
    }
  }
}

}  // namespace larder::storage
