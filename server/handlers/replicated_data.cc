#include "server/handlers/replicated_data.h"

#include <algorithm>

namespace larder::server {

void ReplicatedData::Publish(const cluster::GrowingHistory& growing, uint64_t end,
                             int64_t fresh_as_of, bool may_lose, const cluster::Epoch& leads_in) {
  auto waiting = std::make_shared<Waiting>();
  waiting->of_last.Reach(end);
  {
    const storage::MutexLock lock(mutex_);
    leads_ = fresh_as_of == kAlways;
    may_lose_ = may_lose;
    growing_ = growing;
    end_ = end;
    waiting_.swap(waiting);
    fresh_as_of_ms_.store(fresh_as_of, std::memory_order_relaxed);
    epoch_.Set(leads_in);
  }
  waiting->of_last.Close();
  waiting->of_other.Close();
}

void ReplicatedData::Lead(const cluster::History& history) {
  // All that it has numbered in its last epoch is applied.
  Publish({history, UINT64_MAX}, UINT64_MAX, kAlways, /*may_lose=*/true,
          history.empty() ? cluster::Epoch() : history.beginnings().back().epoch);
}

void ReplicatedData::Follow(const cluster::GrowingHistory& growing, uint64_t end,
                            bool is_of_source) {
  const int64_t fresh_as_of = fresh_as_of_ms_.load(std::memory_order_relaxed);
  Publish(growing, end, fresh_as_of == kAlways ? kNotKnown : fresh_as_of, is_of_source, {});
}

void ReplicatedData::Forget() { Publish({}, 0, kNotKnown, /*may_lose=*/false, {}); }

void ReplicatedData::Advance(uint64_t end) {
  std::shared_ptr<Waiting> waiting;
  {
    const storage::MutexLock lock(mutex_);
    end_ = end;
    waiting = waiting_;
  }
  waiting->of_last.Reach(end);
}

void ReplicatedData::SetFreshAsOf(std::optional<cluster::BootTime> time) {
  fresh_as_of_ms_.store(time.has_value() ? time->time_since_epoch().count() : kNotKnown,
                        std::memory_order_relaxed);
}

void ReplicatedData::TimeOut(storage::TimePoint now) {
  const std::shared_ptr<Waiting> waiting = Current();
  waiting->of_last.TimeOut(now);
  waiting->of_other.TimeOut(now);
}

void ReplicatedData::Stop() {
  std::shared_ptr<Waiting> waiting;
  {
    const storage::MutexLock lock(mutex_);
    is_stopped_ = true;
    waiting = waiting_;
  }
  waiting->of_last.Close();
  waiting->of_other.Close();
}

std::optional<cluster::Millis> ReplicatedData::Staleness() const {
  const int64_t fresh_as_of = fresh_as_of_ms_.load(std::memory_order_relaxed);
  if (fresh_as_of == kNotKnown) return std::nullopt;
  if (fresh_as_of == kAlways) return cluster::Millis(0);
  return std::max(cluster::Millis(0), clock_().time_since_epoch() - cluster::Millis(fresh_as_of));
}

ReplicatedData::Reach ReplicatedData::Reached(const cluster::Position& position) const {
  const storage::MutexLock lock(mutex_);
  // It is of a primary whose data this one did not begin with.
  if (leads_ && growing_.history().empty()) return Reach::kLost;
  const Reach reach = growing_.Reached(position, end_);
  return reach == Reach::kLost && !may_lose_ ? Reach::kNotYet : reach;
}

bool ReplicatedData::Wait(const cluster::Position& position, storage::TimePoint deadline,
                          storage::PositionWaiters::Callback callback) {
  std::shared_ptr<Waiting> waiting;
  bool is_of_last = false;
  {
    const storage::MutexLock lock(mutex_);
    if (is_stopped_) return false;
    const cluster::History& history = growing_.history();
    is_of_last = !history.empty() && position.epoch == history.beginnings().back().epoch;
    waiting = waiting_;
  }
  // Ended by what is published from here on, and at once by what was since.
  storage::PositionWaiters& waiters = is_of_last ? waiting->of_last : waiting->of_other;
  waiters.Wait(position.sequence, deadline, std::move(callback));
  return true;
}

std::optional<cluster::Position> ReplicatedData::PositionOf(uint64_t leadership,
                                                            uint64_t log_end) const {
  cluster::Position position{.epoch = {}, .sequence = log_end};
  if (log_end == 0 || !epoch_.Read(leadership, position.epoch) || !position.epoch.is_set()) {
    return std::nullopt;
  }
  return position;
}

}  // namespace larder::server
