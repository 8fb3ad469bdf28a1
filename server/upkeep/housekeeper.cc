#include "server/upkeep/housekeeper.h"

#include <chrono>

namespace larder::server {
namespace {

constexpr std::chrono::milliseconds kPeriod{100};
constexpr std::chrono::seconds kSlowPeriod{1};
// Removals of one call of Expire or Shrink: few enough that other work gets its turn, enough to
// keep up.
constexpr size_t kRemovalsMax = 500;

}  // namespace

Housekeeper::Housekeeper(storage::Keyspace* keyspace, ShardClock* clock,
                         ConnectionTable* connections, TlsRotation* tls)
    : keyspace_(keyspace), clock_(clock), connections_(connections), tls_(tls) {
  thread_ = std::thread([this] { Run(); });
}

Housekeeper::~Housekeeper() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Housekeeper::Run() {
  std::unique_lock lock(mutex_);
  auto next_slow = std::chrono::steady_clock::now();
  while (!is_stopping_) {
    lock.unlock();
    const storage::TimePoint now = clock_->Now();
    bool more_expires = false;
    keyspace_->Expire(now, kRemovalsMax, &more_expires);
    const bool more_shrinks = keyspace_->Shrink(now, kRemovalsMax) >= kRemovalsMax;
    keyspace_->PrepareMemory();
    if (const auto time = std::chrono::steady_clock::now(); time >= next_slow) {
      next_slow = time + kSlowPeriod;
      clock_->Discipline();
      connections_->Sweep();
      if (tls_ != nullptr) tls_->Refresh();
    }
    lock.lock();
    if (!more_expires && !more_shrinks)
      wake_.wait_for(lock, kPeriod, [this] { return is_stopping_; });
  }
}

}  // namespace larder::server
