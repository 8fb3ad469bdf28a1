#ifndef LARDER_STORAGE_STRIPE_OPERATION_H_
#define LARDER_STORAGE_STRIPE_OPERATION_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "storage/memory_budget.h"
#include "storage/need.h"
#include "storage/stripe.h"

namespace larder::storage {

// Holds the stripe's lock for one operation and, when it ends, squares the budget with what the
// stripe has come to use and tells the other stripes of its victim.
// What is reserved and not used stays with the stripe for the next operation, up to a bound, so
// that few of them touch the budget, which all threads share.
class ABSL_SCOPED_LOCKABLE StripeOperation {
 public:
  explicit StripeOperation(Stripe& stripe) ABSL_EXCLUSIVE_LOCK_FUNCTION(stripe.mutex_)
      : stripe_(stripe) {
    stripe.mutex_.Lock();
    used_before_ = stripe.state_.UsedBytes();
    leases_before_ = stripe.state_.leases.size();
    lease_bytes_before_ = stripe.state_.leases.memory_bytes();
  }

  ~StripeOperation() ABSL_UNLOCK_FUNCTION() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    StripeState& state = stripe_.state_;
    MemoryBudget& budget = *shared().budget;
    if (budget.is_short() || state.store.is_short_of_segments()) state.store.Tidy();
    Square(used_before_ + reserved_ - kept_, state.UsedBytes(), state, budget);
    // Unsigned differences wrap around, and add up right.
    if (const uint64_t granted = state.leases.size() - leases_before_; granted != 0) {
      shared().leases->fetch_add(granted, std::memory_order_relaxed);
    }
    const uint64_t lease_bytes = state.leases.memory_bytes() - lease_bytes_before_;
    if (lease_bytes != 0) shared().lease_bytes->fetch_add(lease_bytes, std::memory_order_relaxed);
    stripe_.Publish();
    stripe_.mutex_.Unlock();
  }

  StripeOperation(const StripeOperation&) = delete;
  StripeOperation& operator=(const StripeOperation&) = delete;

  StripeState& state() ABSL_NO_THREAD_SAFETY_ANALYSIS { return stripe_.state_; }
  const StripeShared& shared() const { return stripe_.shared_; }

  // Reserves what the operation is going to use, from the credit first. Returns the bytes missing,
  // 0 when all is paid; then what the credit had in excess is the stripe's.
  uint64_t Pay(uint64_t bytes, Credit& credit) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    uint64_t& slack = stripe_.state_.slack_bytes;
    if (bytes > credit.memory_bytes + slack) {
      const uint64_t rest = bytes - credit.memory_bytes - slack;
      MemoryBudget& budget = *shared().budget;
      if (budget.TryReserve(rest + kSlackBytes)) {
        slack += rest + kSlackBytes;
      } else if (budget.TryReserve(rest)) {
        slack += rest;
      } else {
        return rest;
      }
    }
    Spend(credit);
    return 0;
  }
  // Pays what Pay said is missing from what is kept in the budget. False: it is not there.
  bool PayFromKept(uint64_t missing, KeptMemory kept,
                   Credit& credit) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (kept == KeptMemory::kNone) return false;
    MemoryBudget& budget = *shared().budget;
    const uint64_t left = kept == KeptMemory::kAll ? 0 : budget.kept_bytes() / 2;
    if (!budget.TryReserveKept(missing, left)) return false;
    stripe_.state_.slack_bytes += missing;
    Spend(credit);
    return true;
  }

  // Leaves what the operation has freed so far reserved, for the caller to spend.
  uint64_t KeepFreed() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const uint64_t used = stripe_.state_.UsedBytes();
    kept_ = used_before_ > used ? used_before_ - used : 0;
    return kept_;
  }

 private:
  // What one stripe keeps: a 256th of what it may have at least.
  static constexpr uint64_t kSlackBytes = 2048;
  static constexpr uint64_t kSlackBytesMax = 2 * kSlackBytes;

  // The slack pays first: what is left of the two becomes the slack again.
  void Spend(Credit& credit) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    uint64_t& slack = stripe_.state_.slack_bytes;
    reserved_ += credit.memory_bytes + slack;
    credit.memory_bytes = 0;
    slack = 0;
  }

  static void Square(uint64_t paid, uint64_t used, StripeState& state, MemoryBudget& budget) {
    paid += state.slack_bytes;
    state.slack_bytes = 0;
    if (used > paid) return budget.Charge(used - paid);
    const uint64_t rest = paid - used;
    state.slack_bytes = rest <= kSlackBytesMax ? rest : kSlackBytes;
    if (budget.exceeded()) state.slack_bytes = 0;
    if (rest > state.slack_bytes) budget.Release(rest - state.slack_bytes);
  }

  Stripe& stripe_;
  uint64_t used_before_ = 0;
  uint64_t reserved_ = 0;
  uint64_t kept_ = 0;
  uint64_t leases_before_ = 0;
  uint64_t lease_bytes_before_ = 0;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_STRIPE_OPERATION_H_
