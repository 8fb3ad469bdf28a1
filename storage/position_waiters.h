#ifndef LARDER_STORAGE_POSITION_WAITERS_H_
#define LARDER_STORAGE_POSITION_WAITERS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "storage/mutex.h"
#include "storage/time.h"

namespace larder::storage {

// Calls that wait until a position in a log is reached, by a replica, a disk, or this node, without
// a thread for each. Thread-safe; O(log n) for each of them, and for a position that nobody waits
// for one load. Callbacks are called under no lock, each once, by the thread that ends the wait;
// they may call in here. Deadlines are by any one clock, which TimeOut is told.
class PositionWaiters {
 public:
  enum class Result : uint8_t {
    kReached,
    kTimedOut,
    kClosed,  // what was waited for can not come any more
  };
  using Callback = std::function<void(Result)>;

  // Names one wait.
  struct Ticket {
    uint64_t position = 0;
    uint64_t number = 0;  // 0: the wait has ended already
  };

  PositionWaiters() = default;
  // Those that wait are told kClosed.
  ~PositionWaiters() { Close(); }
  PositionWaiters(const PositionWaiters&) = delete;
  PositionWaiters& operator=(const PositionWaiters&) = delete;

  // Waits until `position` is reached: all before this sequence is. At once, if it is, or while
  // closed.
  Ticket Wait(uint64_t position, TimePoint deadline, Callback callback);
  // Nobody waits any more. True: the callback is not called, ever. False: it was, or is about to
  // be.
  bool Cancel(Ticket ticket);

  // This far it has come; lower numbers than before say nothing.
  void Reach(uint64_t position);
  // Ends the waits whose deadline has passed. Returns the next deadline, if anybody waits.
  std::optional<TimePoint> TimeOut(TimePoint now);
  // Ends all waits, and those that begin until Open.
  void Close();
  // Positions are of another log from now on, which has come this far.
  void Open(uint64_t position);

  size_t waiting() const;
  uint64_t reached() const { return reached_.load(std::memory_order_acquire); }

 private:
  using Key = std::pair<uint64_t, uint64_t>;  // position, number
  struct Waiter {
    TimePoint deadline;
    Callback callback;
  };
  using Waiters = std::map<Key, Waiter>;
  static constexpr uint64_t kNobody = UINT64_MAX;

  Callback Take(Waiters::iterator it) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteLeast() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  bool is_open_ ABSL_GUARDED_BY(mutex_) = true;
  uint64_t last_number_ ABSL_GUARDED_BY(mutex_) = 0;
  Waiters waiters_ ABSL_GUARDED_BY(mutex_);
  std::set<std::pair<TimePoint, Key>> deadlines_ ABSL_GUARDED_BY(mutex_);
  std::atomic<uint64_t> reached_{0};
  std::atomic<uint64_t> least_{kNobody};  // the least position that somebody waits for
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_POSITION_WAITERS_H_
