#ifndef LARDER_SERVER_HANDLERS_REPLICA_ACKS_H_
#define LARDER_SERVER_HANDLERS_REPLICA_ACKS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/base/thread_annotations.h"
#include "storage/mutex.h"
#include "storage/position_waiters.h"

namespace larder::server {

// How far replicas have applied this node's log, for writes that wait for some of them.
// Thread-safe. Told by whoever replicates; closed while this node leads no log: nothing it writes
// will ever be acknowledged then.
class ReplicaAcks {
 public:
  static constexpr size_t kReplicasMax = 16;

  ReplicaAcks() { Close(); }

  // ---- By whoever replicates.
  // The node leads a log, of which nothing is acknowledged.
  void Open();
  // Ends all waits, and those that begin until Open.
  void Close();
  // So many replicas at least have applied all before `position`. REQUIRES: 1..kReplicasMax.
  void Reach(size_t replicas, uint64_t position) { levels_[replicas - 1].Reach(position); }
  void TimeOut(storage::TimePoint now);
  // How many writes wait now.
  size_t waiting() const { return waiting_.load(std::memory_order_seq_cst); }
  // Called, on any thread, when one waits where none did; whoever is called must not call in here.
  // What was set before is not called any more.
  void SetOnFirstWait(std::function<void()> on_first_wait);
  // How many replicas follow and have acknowledged lately.
  void SetInTime(size_t replicas) { in_time_.store(replicas, std::memory_order_relaxed); }

  // ---- By who writes.
  // Which opening this is, to be read before the write: rises with Open and with Close.
  uint64_t opening() const { return opening_.load(std::memory_order_acquire); }
  size_t in_time() const { return in_time_.load(std::memory_order_relaxed); }
  // Calls back once, on any thread, as PositionWaiters::Wait. `position`: of a write of that
  // opening; of another one nothing is ever reached. REQUIRES: 1..kReplicasMax.
  void Wait(size_t replicas, uint64_t opening, uint64_t position, storage::TimePoint deadline,
            storage::PositionWaiters::Callback callback);
  // How many replicas have applied all before `position`, by what is known.
  size_t ReachedBy(uint64_t position) const;

 private:
  std::atomic<size_t> in_time_{0};
  std::atomic<uint64_t> opening_{0};
  std::atomic<size_t> waiting_{0};
  storage::Mutex mutex_;
  std::function<void()> on_first_wait_ ABSL_GUARDED_BY(mutex_);
  // By number of replicas, less one. Last, since its end ends waits.
  std::array<storage::PositionWaiters, kReplicasMax> levels_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_REPLICA_ACKS_H_
