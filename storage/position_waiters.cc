#include "storage/position_waiters.h"

namespace larder::storage {

PositionWaiters::Ticket PositionWaiters::Wait(uint64_t position, TimePoint deadline,
                                              Callback callback) {
  Result result = Result::kReached;
  {
    const MutexLock lock(mutex_);
    if (is_open_) {
      const Key key{position, ++last_number_};
      // Said before it looks: whoever reaches the position says so before he looks at this.
      if (position < least_.load(std::memory_order_relaxed)) {
        least_.store(position, std::memory_order_seq_cst);
      }
      if (reached_.load(std::memory_order_seq_cst) < position) {
        waiters_.emplace(key, Waiter{deadline, std::move(callback)});
        deadlines_.emplace(deadline, key);
        return {position, key.second};
      }
      NoteLeast();
    } else {
      result = Result::kClosed;
    }
  }
  callback(result);
  return {};
}

bool PositionWaiters::Cancel(Ticket ticket) {
  Callback callback;  // ends under no lock
  const MutexLock lock(mutex_);
  const auto it = waiters_.find({ticket.position, ticket.number});
  if (it == waiters_.end()) return false;
  callback = Take(it);
  NoteLeast();
  return true;
}

void PositionWaiters::Reach(uint64_t position) {
  uint64_t before = reached_.load(std::memory_order_relaxed);
  do {
    if (position <= before) return;
  } while (!reached_.compare_exchange_weak(before, position, std::memory_order_seq_cst));
  if (least_.load(std::memory_order_seq_cst) > position) return;
  std::vector<Callback> callbacks;
  {
    const MutexLock lock(mutex_);
    // It may have been opened anew meanwhile.
    const uint64_t reached = reached_.load(std::memory_order_seq_cst);
    while (!waiters_.empty() && waiters_.begin()->first.first <= reached) {
      callbacks.push_back(Take(waiters_.begin()));
    }
    NoteLeast();
  }
  for (const Callback& callback : callbacks) callback(Result::kReached);
}

std::optional<TimePoint> PositionWaiters::TimeOut(TimePoint now) {
  std::vector<Callback> callbacks;
  std::optional<TimePoint> next;
  {
    const MutexLock lock(mutex_);
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
      callbacks.push_back(Take(waiters_.find(deadlines_.begin()->second)));
    }
    if (!deadlines_.empty()) next = deadlines_.begin()->first;
    NoteLeast();
  }
  for (const Callback& callback : callbacks) callback(Result::kTimedOut);
  return next;
}

void PositionWaiters::Close() {
  Waiters waiters;
  {
    const MutexLock lock(mutex_);
    is_open_ = false;
    waiters_.swap(waiters);
    deadlines_.clear();
    NoteLeast();
  }
  for (const auto& [key, waiter] : waiters) waiter.callback(Result::kClosed);
}

void PositionWaiters::Open(uint64_t position) {
  Close();
  const MutexLock lock(mutex_);
  reached_.store(position, std::memory_order_seq_cst);
  is_open_ = true;
}

size_t PositionWaiters::waiting() const {
  const MutexLock lock(mutex_);
  return waiters_.size();
}

PositionWaiters::Callback PositionWaiters::Take(Waiters::iterator it) {
  Callback callback = std::move(it->second.callback);
  deadlines_.erase({it->second.deadline, it->first});
  waiters_.erase(it);
  return callback;
}

void PositionWaiters::NoteLeast() {
  const uint64_t least = waiters_.empty() ? kNobody : waiters_.begin()->first.first;
  least_.store(least, std::memory_order_seq_cst);
}

}  // namespace larder::storage
