#include "server/upkeep/housekeeper.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/handlers/retry_hint.h"
#include "server/transport/front_end.h"

namespace larder::server {
namespace {

constexpr std::chrono::milliseconds kPeriod{100};
constexpr std::chrono::seconds kSlowPeriod{1};
// Removals of one call of Expire or Shrink: few enough that other work gets its turn, enough to
// keep up.
constexpr size_t kRemovalsMax = 500;
constexpr absl::Duration kRetryAfter = absl::Milliseconds(100);

}  // namespace

Housekeeper::Housekeeper(const ServedKeyspace* keyspace, ShardClock* clock,
                         ConnectionTable* connections, const SlowChores& chores)
    : served_(keyspace), clock_(clock), connections_(connections), slow_chores_(chores) {
  thread_ = std::thread([this] { Run(); });
}

Housekeeper::~Housekeeper() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
  for (Work& work : waiting_) std::move(work)(absl::UnavailableError(kShuttingDown));
}

void Housekeeper::Post(Work work) {
  absl::Status refused;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() < kWaitingMax) {
      waiting_.push_back(std::move(work));
    } else {
      refused = WithRetryHint(
          absl::ResourceExhaustedError(absl::StrCat(
              "as many operations wait for the node's own thread as may: ", kWaitingMax)),
          kRetryAfter);
    }
  }
  if (!refused.ok()) return std::move(work)(refused);
  wake_.notify_all();
}

void Housekeeper::DoChores() {
  const storage::TimePoint now = clock_->Now();
  bool more_expires = false;
  bool more_shrinks = false;
  if (storage::Keyspace* const keyspace = served_->get(); keyspace != nullptr) {
    keyspace->Expire(now, kRemovalsMax, &more_expires);
    more_shrinks = keyspace->Shrink(now, kRemovalsMax) >= kRemovalsMax;
    keyspace->PrepareMemory();
  }
  if (const auto time = std::chrono::steady_clock::now(); time >= next_slow_) {
    next_slow_ = time + kSlowPeriod;
    clock_->Discipline();
    connections_->Sweep();
    if (slow_chores_.tls != nullptr) slow_chores_.tls->Refresh();
    if (slow_chores_.incidents != nullptr) slow_chores_.incidents->Look(time);
  }
  has_more_chores_ = more_expires || more_shrinks;
}

void Housekeeper::Run() {
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    std::vector<Work> work = std::exchange(waiting_, {});
    lock.unlock();
    for (Work& each : work) std::move(each)(absl::OkStatus());
    work.clear();
    DoChores();
    lock.lock();
    if (!has_more_chores_) {
      wake_.wait_for(lock, kPeriod, [this] { return is_stopping_ || !waiting_.empty(); });
    }
  }
}

}  // namespace larder::server
