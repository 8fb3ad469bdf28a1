#ifndef LARDER_SERVER_HANDLERS_REPLICATED_DATA_H_
#define LARDER_SERVER_HANDLERS_REPLICATED_DATA_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "cluster/replication/boot_time.h"
#include "cluster/replication/growing_history.h"
#include "cluster/replication/history.h"
#include "cluster/replication/position.h"
#include "server/handlers/published_epoch.h"
#include "storage/mutex.h"
#include "storage/position_waiters.h"
#include "storage/time.h"

namespace larder::server {

// What is known of the data of a node that replicates: how old it may be (ordering.md rule 18), and
// which positions it has reached (rule 19). Thread-safe. Told by whoever replicates; at first
// nothing is known. Deadlines are by the clock of CacheHandler, ages by that of this machine.
class ReplicatedData {
 public:
  using Reach = cluster::History::Reach;
  using BootClock = std::function<cluster::BootTime()>;

  explicit ReplicatedData(BootClock clock) : clock_(std::move(clock)) {}
  // Ends all waits.
  ~ReplicatedData() { Stop(); }

  // ---- By whoever replicates.
  // The node leads, in the last epoch of this history, if it has any; nothing it serves is old. To
  // be said when its log is open, and again when that is opened or closed.
  void Lead(const cluster::History& history);
  // The node's data went through these epochs, and goes to `end`; it follows another node. Unless
  // the data is known to be of its source's history, what is lost here may yet come.
  void Follow(const cluster::GrowingHistory& growing, uint64_t end, bool is_of_source);
  // Nothing is known of the data, as while a node waits to be told what it is.
  void Forget();
  // Of a follower: all before `end` is applied. REQUIRES: of no epoch that was announced; Follow
  // says when one enters the history.
  void Advance(uint64_t end);
  // Of a follower: the data is all there was at this time, or newer. Absent: not known.
  void SetFreshAsOf(std::optional<cluster::BootTime> time);
  void TimeOut(storage::TimePoint now);
  // Ends all waits for good.
  void Stop();

  // ---- By who reads and writes.
  // How old the data may be at most; absent: nobody knows.
  std::optional<cluster::Millis> Staleness() const;
  Reach Reached(const cluster::Position& position) const;
  // Of a position that may come: calls back once, on any thread, when it has perhaps been reached
  // or lost, which is to be looked at again, or the time is over. False: nothing comes any more.
  bool Wait(const cluster::Position& position, storage::TimePoint deadline,
            storage::PositionWaiters::Callback callback);
  // Which leadership this is, to be read before a write.
  uint64_t leadership() const { return epoch_.version(); }
  // The position of a write that was made in that leadership, of which the log ended at `log_end`;
  // absent: nobody keeps a log, or the node leads in another way by now.
  std::optional<cluster::Position> PositionOf(uint64_t leadership, uint64_t log_end) const;

 private:
  // Who waits since the last Publish.
  struct Waiting {
    storage::PositionWaiters of_last;   // for positions of the last epoch
    storage::PositionWaiters of_other;  // for an epoch that is not known yet
  };
  static constexpr int64_t kNotKnown = INT64_MIN;
  static constexpr int64_t kAlways = INT64_MAX;  // it leads

  std::shared_ptr<Waiting> Current() const {
    const storage::MutexLock lock(mutex_);
    return waiting_;
  }
  // Publishes what is known, and has all who wait look at it.
  void Publish(const cluster::GrowingHistory& growing, uint64_t end, int64_t fresh_as_of,
               bool may_lose, const cluster::Epoch& leads_in);

  const BootClock clock_;
  mutable storage::Mutex mutex_;
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool leads_ ABSL_GUARDED_BY(mutex_) = false;
  bool may_lose_ ABSL_GUARDED_BY(mutex_) = false;  // what is lost here is lost for good
  cluster::GrowingHistory growing_ ABSL_GUARDED_BY(mutex_);
  uint64_t end_ ABSL_GUARDED_BY(mutex_) = 0;
  std::shared_ptr<Waiting> waiting_ ABSL_GUARDED_BY(mutex_) = std::make_shared<Waiting>();
  std::atomic<int64_t> fresh_as_of_ms_{kNotKnown};
  PublishedEpoch epoch_;  // that it leads in
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_REPLICATED_DATA_H_
