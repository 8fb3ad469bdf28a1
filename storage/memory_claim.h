#ifndef LARDER_STORAGE_MEMORY_CLAIM_H_
#define LARDER_STORAGE_MEMORY_CLAIM_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "storage/mutex.h"
#include "storage/need.h"

namespace larder::storage {

// A command's claim on memory that it did not find at once, until it has ended. Large writes gather
// theirs bit by bit and side by side, so that one may miss what another holds and does not need in
// the end; such a one gives back what it has, waits for the others and tries again alone. So no two
// are refused of which one would fit. Not thread-safe; the lock that all claims share is.
class MemoryClaim {
 public:
  // Both must outlive the claim.
  MemoryClaim(Credit* credit, SharedMutex* gathering) : credit_(*credit), gathering_(*gathering) {}
  ~MemoryClaim() { Leave(); }
  MemoryClaim(const MemoryClaim&) = delete;
  MemoryClaim& operator=(const MemoryClaim&) = delete;

  Credit& credit() { return credit_; }

  // Gathers beside others from now on.
  void Join() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (hold_ != Hold::kNone) return;
    gathering_.LockShared();
    hold_ = Hold::kShared;
  }
  // Waits until nobody else gathers, and keeps others from it. REQUIRES: the credit has no memory.
  void JoinAlone() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    Leave();
    gathering_.Lock();
    hold_ = Hold::kAlone;
  }
  bool is_alone() const { return hold_ == Hold::kAlone; }

 private:
  enum class Hold : uint8_t { kNone, kShared, kAlone };

  void Leave() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (hold_ == Hold::kShared) gathering_.UnlockShared();
    if (hold_ == Hold::kAlone) gathering_.Unlock();
    hold_ = Hold::kNone;
  }

  Credit& credit_;
  SharedMutex& gathering_;
  Hold hold_ = Hold::kNone;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_MEMORY_CLAIM_H_
