#include "storage/eviction/s3fifo_policy.h"

#include <algorithm>

#include "storage/entry.h"

namespace larder::storage {

EntryLog::Queue S3FifoPolicy::Place(uint64_t hash) {
  return ghosts_ != nullptr && ghosts_->Remove(hash) ? kMain : kSmall;
}

void S3FifoPolicy::PrefetchPlace(uint64_t hash) const {
  if (ghosts_ != nullptr) ghosts_->Prefetch(hash);
}

void S3FifoPolicy::Inserted(EntryRef ref, TimePoint /*now*/) { ref->set_policy_bits(0); }

void S3FifoPolicy::Accessed(EntryRef ref, TimePoint /*now*/) {
  const uint8_t uses = ref->policy_bits();
  if (uses < kUsesMax) ref->set_policy_bits(uses + 1);
}

EntryLog::Queue S3FifoPolicy::QueueToEvict() const {
  const uint64_t small = host_->log().queue_bytes(kSmall);
  const uint64_t main = host_->log().queue_bytes(kMain);
  return small == 0 || main > (small + main) / 10 * 9 ? kMain : kSmall;
}

EntryRef S3FifoPolicy::Victim(TimePoint now) {
  if (host_->evictable_count() == 0) return {};
  EntryLog& log = host_->log();
  uint64_t moved_bytes = 0;
  for (int moves = 0; moves < kMovesMax && moved_bytes < kMovedBytesMax; ++moves) {
    const EntryLog::Queue queue = QueueToEvict();
    const EntryRef ref = log.Oldest(queue);
    if (!ref) break;
    const uint64_t next = host_->PrefetchAfter(ref);
    if (ghosts_ != nullptr) ghosts_->Prefetch(next);
    if (log.is_out_of_segments()) break;
    const uint8_t uses = ref->policy_bits();
    const bool stays = uses >= (queue == kSmall ? kUsesForMain : 1);
    if (!stays || ref->ExpiredAt(now)) {
      if (queue == kSmall) Remember(ref);
      return ref;
    }
    moved_bytes += ref->RecordBytes(0);
    ref->set_policy_bits(queue == kSmall || uses == 0 ? 0 : uses - 1);
    host_->MoveToNewest(kMain, ref, now);
  }
  return log.Oldest(QueueToEvict());
}

int64_t S3FifoPolicy::VictimRank() const {
  if (host_->evictable_count() == 0) return kNoVictim;
  return host_->log().OldestAppendedAt(QueueToEvict()).time_since_epoch().count();
}

uint64_t S3FifoPolicy::MemoryBytesWith(uint64_t entries) const {
  const uint64_t to_come = entries == 0 ? 0 : GhostFilter::MemoryBytesFor(GhostsFor(entries));
  return ghosts_ == nullptr ? to_come : std::max(to_come, ghosts_->memory_bytes());
}

void S3FifoPolicy::Remember(EntryRef ref) {
  // What is remembered is lost when the number of entries has come to differ much, which is rare.
  const uint64_t wanted = GhostsFor(host_->evictable_count());
  if (ghosts_ == nullptr || wanted > ghosts_->capacity() * 5 / 4 ||
      wanted + 1024 < ghosts_->capacity() / 2) {
    ghosts_ = std::make_unique<GhostFilter>(wanted);
  }
  ghosts_->Add(host_->HashOf(*ref));
}

}  // namespace larder::storage
