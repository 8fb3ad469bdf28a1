#include "server/handlers/replica_acks.h"

#include <utility>

namespace larder::server {

void ReplicaAcks::Open() {
  opening_.fetch_add(1, std::memory_order_seq_cst);
  for (storage::PositionWaiters& level : levels_) level.Open(0);
}

void ReplicaAcks::Close() {
  opening_.fetch_add(1, std::memory_order_seq_cst);
  for (storage::PositionWaiters& level : levels_) level.Close();
}

void ReplicaAcks::SetOnFirstWait(std::function<void()> on_first_wait) {
  const storage::MutexLock lock(mutex_);
  on_first_wait_ = std::move(on_first_wait);
}

void ReplicaAcks::Wait(size_t replicas, uint64_t opening, uint64_t position,
                       storage::TimePoint deadline, storage::PositionWaiters::Callback callback) {
  using Result = storage::PositionWaiters::Result;
  if (waiting_.fetch_add(1, std::memory_order_seq_cst) == 0) {
    const storage::MutexLock lock(mutex_);
    if (on_first_wait_ != nullptr) on_first_wait_();
  }
  levels_[replicas - 1].Wait(
      position, deadline, [this, opening, callback = std::move(callback)](Result result) {
        waiting_.fetch_sub(1, std::memory_order_seq_cst);
        // The number may have been reached by another log, opened since.
        const bool is_other = result == Result::kReached && opening != this->opening();
        callback(is_other ? Result::kClosed : result);
      });
}

void ReplicaAcks::TimeOut(storage::TimePoint now) {
  for (storage::PositionWaiters& level : levels_) level.TimeOut(now);
}

size_t ReplicaAcks::ReachedBy(uint64_t position) const {
  size_t replicas = 0;
  while (replicas < kReplicasMax && levels_[replicas].reached() >= position) ++replicas;
  return replicas;
}

}  // namespace larder::server
