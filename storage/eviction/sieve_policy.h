#ifndef LARDER_STORAGE_EVICTION_SIEVE_POLICY_H_
#define LARDER_STORAGE_EVICTION_SIEVE_POLICY_H_

#include "storage/eviction/entry_list.h"
#include "storage/eviction_policy.h"

namespace larder::storage {

// SIEVE: a list in the order of insertion and a hand that goes from the oldest to the newest, over
// and over; it takes the first entry that was not used since it last came by. Source: Zhang et al.,
// "SIEVE is Simpler than LRU", NSDI 2024, algorithm 1. Differs in one point: after kStepsMax
// entries that were all used it takes the next, so that no eviction takes long.
class SievePolicy : public EvictionPolicy {
 public:
  explicit SievePolicy(EvictionHost* host) : log_(&host->log()), list_(log_) {}

  void Inserted(EntryRef ref, TimePoint now) override;
  void Accessed(EntryRef ref, TimePoint now) override;
  void Removed(EntryRef ref) override;
  void Moved(EntryRef from, EntryRef to) override;
  EntryRef Victim(TimePoint now) override;
  int64_t VictimRank() const override;

 private:
  static constexpr int kStepsMax = 1000;

  EntryRef AtHand() const { return hand_ == Location() ? list_.oldest() : log_->At(hand_); }

  EntryLog* const log_;
  EntryList list_;
  Location hand_;  // none: at the oldest
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_EVICTION_SIEVE_POLICY_H_
