#include "server/handlers/served_keyspace.h"

#include <utility>

namespace larder::server {
namespace {

// Adds what was counted, and not what is there now.
void AddCounts(const storage::KeyspaceStats& from, storage::KeyspaceStats& to) {
  to.hits += from.hits;
  to.misses += from.misses;
  to.stale_hits += from.stale_hits;
  to.evictions += from.evictions;
  to.expirations += from.expirations;
  to.leases_granted += from.leases_granted;
  to.leases_granted_early += from.leases_granted_early;
  to.leases_held += from.leases_held;
  to.leases_lost += from.leases_lost;
}

}  // namespace

ServedKeyspace::ServedKeyspace(std::unique_ptr<storage::Keyspace> keyspace)
    : keyspace_(keyspace.get()),
      owned_(std::move(keyspace)),
      memory_limit_bytes_(owned_->memory_limit_bytes()) {}

std::unique_ptr<storage::Keyspace> ServedKeyspace::Replace(
    std::unique_ptr<storage::Keyspace> next) {
  const storage::MutexLock lock(mutex_);
  // What is counted in the old one from here on is lost.
  if (owned_ != nullptr) AddCounts(owned_->Stats(), before_);
  // It may have been changed since the next one was made.
  if (next != nullptr) static_cast<void>(next->SetMemoryLimit(memory_limit_bytes_));
  keyspace_.store(next.get(), std::memory_order_release);
  std::swap(owned_, next);
  return next;
}

storage::KeyspaceStats ServedKeyspace::Stats() const {
  const storage::MutexLock lock(mutex_);
  storage::KeyspaceStats stats = owned_ == nullptr ? storage::KeyspaceStats{} : owned_->Stats();
  AddCounts(before_, stats);
  return stats;
}

storage::MemoryUsage ServedKeyspace::Memory() const {
  const storage::MutexLock lock(mutex_);
  return owned_ == nullptr ? storage::MemoryUsage{} : owned_->Memory();
}

uint64_t ServedKeyspace::memory_limit_bytes() const {
  const storage::MutexLock lock(mutex_);
  return memory_limit_bytes_;
}

absl::Status ServedKeyspace::SetMemoryLimit(uint64_t bytes) {
  const storage::MutexLock lock(mutex_);
  if (owned_ != nullptr) {
    if (const absl::Status status = owned_->SetMemoryLimit(bytes); !status.ok()) return status;
  }
  memory_limit_bytes_ = bytes;
  return absl::OkStatus();
}

}  // namespace larder::server
