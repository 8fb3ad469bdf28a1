#ifndef LARDER_STORAGE_STRIPE_OPERATION_H_
#define LARDER_STORAGE_STRIPE_OPERATION_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "storage/memory_budget.h"
#include "storage/stripe.h"

namespace larder::storage {

// Holds the stripe's lock for one operation and, when it ends, squares the budget with what the
// stripe has come to use and tells the other stripes of its victim.
class ABSL_SCOPED_LOCKABLE Stripe::Operation {
 public:
  explicit Operation(Stripe& stripe) ABSL_EXCLUSIVE_LOCK_FUNCTION(stripe.mutex_) : stripe_(stripe) {
    stripe.mutex_.Lock();
    used_before_ = stripe.UsedBytes();
    leases_before_ = stripe.leases_.size();
    lease_bytes_before_ = stripe.leases_.memory_bytes();
  }

  ~Operation() ABSL_UNLOCK_FUNCTION() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (stripe_.shared_.budget->is_short() || stripe_.store_.is_short_of_segments()) {
      stripe_.store_.Tidy();
    }
    const uint64_t used = stripe_.UsedBytes();
    const uint64_t paid = used_before_ + reserved_ - kept_;
    if (used > paid) {
      stripe_.shared_.budget->Charge(used - paid);
    } else if (used < paid) {
      stripe_.shared_.budget->Release(paid - used);
    }
    // Unsigned differences wrap around, and add up right.
    if (const uint64_t granted = stripe_.leases_.size() - leases_before_; granted != 0) {
      stripe_.shared_.leases->fetch_add(granted, std::memory_order_relaxed);
    }
    const uint64_t lease_bytes = stripe_.leases_.memory_bytes() - lease_bytes_before_;
    if (lease_bytes != 0) {
      stripe_.shared_.lease_bytes->fetch_add(lease_bytes, std::memory_order_relaxed);
    }
    stripe_.Publish();
    stripe_.mutex_.Unlock();
  }

  // Reserves what the operation is going to use, from the credit first. Returns the bytes missing,
  // 0 when all is paid.
  uint64_t Pay(uint64_t bytes, MemoryCredit& credit) {
    const uint64_t from_credit = std::min(bytes, credit.bytes);
    const uint64_t rest = bytes - from_credit;
    if (rest > 0 && !stripe_.shared_.budget->TryReserve(rest)) return rest;
    credit.bytes -= from_credit;
    reserved_ += bytes;
    return 0;
  }

  // Leaves what the operation has freed so far reserved, for the caller to spend.
  uint64_t KeepFreed() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const uint64_t used = stripe_.UsedBytes();
    kept_ = used_before_ > used ? used_before_ - used : 0;
    return kept_;
  }

 private:
  Stripe& stripe_;
  uint64_t used_before_ = 0;
  uint64_t reserved_ = 0;
  uint64_t kept_ = 0;
  uint64_t leases_before_ = 0;
  uint64_t lease_bytes_before_ = 0;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_STRIPE_OPERATION_H_
