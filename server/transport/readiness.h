#ifndef LARDER_SERVER_TRANSPORT_READINESS_H_
#define LARDER_SERVER_TRANSPORT_READINESS_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "storage/mutex.h"

namespace larder::server {

// Whether the node takes requests: what /readyz and the health service say. Thread-safe.
class Readiness {
 public:
  using Listener = absl::AnyInvocable<void() &&>;

  bool is_ready() const { return ready_.load(std::memory_order_acquire); }

  void Set(bool ready) ABSL_LOCKS_EXCLUDED(mutex_) {
    storage::MutexLock lock(mutex_);
    if (ready_.exchange(ready, std::memory_order_acq_rel) == ready) return;
    for (auto& [number, listener] : listeners_) std::move(listener)();
    listeners_.clear();
  }

  // Has a listener called once, at the next change, on the thread of Set and under a lock: it must
  // neither block nor use this. Returns what Forget takes.
  uint64_t Listen(Listener listener) ABSL_LOCKS_EXCLUDED(mutex_) {
    storage::MutexLock lock(mutex_);
    listeners_.emplace(++listeners_count_, std::move(listener));
    return listeners_count_;
  }
  // Does not call it any more; it may have been called.
  void Forget(uint64_t number) ABSL_LOCKS_EXCLUDED(mutex_) {
    storage::MutexLock lock(mutex_);
    listeners_.erase(number);
  }

 private:
  std::atomic<bool> ready_{false};
  storage::Mutex mutex_;
  uint64_t listeners_count_ ABSL_GUARDED_BY(mutex_) = 0;  // that there have ever been
  std::map<uint64_t, Listener> listeners_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace larder::server

#endif  // LARDER_SERVER_TRANSPORT_READINESS_H_
