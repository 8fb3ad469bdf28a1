#ifndef LARDER_STORAGE_EVICTION_S3FIFO_POLICY_H_
#define LARDER_STORAGE_EVICTION_S3FIFO_POLICY_H_

#include <cstdint>
#include <memory>

#include "storage/eviction/ghost_filter.h"
#include "storage/eviction_policy.h"

namespace larder::storage {

// S3-FIFO: a small queue of a tenth of the bytes for what is new, a main queue, and a memory of
// what has left the small one unused. An entry used twice goes from the small queue to the main
// one, as does a new one that is remembered; the main queue takes an entry that was used in again,
// up to three times. Source: Yang et al., "FIFO queues are all you need for cache eviction", SOSP
// 2023, algorithm 1. The queues are those of the log, so an entry pays two bits, and a ghost two
// bytes. Differs in two points: after kMovesMax moves, or kMovedBytesMax, it takes the next entry
// whatever its use, so that no eviction takes long; and the log keeps the order to some segments
// only.
class S3FifoPolicy : public EvictionPolicy {
 public:
  explicit S3FifoPolicy(EvictionHost* host) : host_(host) {}

  EntryLog::Queue Place(uint64_t hash) override;
  void PrefetchPlace(uint64_t hash) const override;
  void Inserted(EntryRef ref, TimePoint now) override;
  void Accessed(EntryRef ref, TimePoint now) override;
  void Removed(EntryRef /*ref*/) override {}
  void Moved(EntryRef /*from*/, EntryRef /*to*/) override {}
  EntryRef Victim(TimePoint now) override;
  int64_t VictimRank() const override;
  // Counts the ghosts that there will be once so many entries are evicted from, so that making room
  // never needs room.
  uint64_t memory_bytes() const override { return MemoryBytesWith(host_->evictable_count()); }
  uint64_t growth_bytes() const override {
    return MemoryBytesWith(host_->evictable_count() + 1) - memory_bytes();
  }

 private:
  static constexpr EntryLog::Queue kSmall = EntryLog::Queue::kFirst;
  static constexpr EntryLog::Queue kMain = EntryLog::Queue::kSecond;
  static constexpr uint8_t kUsesMax = 3;
  static constexpr uint8_t kUsesForMain = 2;
  static constexpr int kMovesMax = 64;
  static constexpr uint64_t kMovedBytesMax = uint64_t{128} << 10;

  // The paper's ghosts are as many as the entries of the main queue.
  static uint64_t GhostsFor(uint64_t entries) { return entries / 10 * 9; }
  uint64_t MemoryBytesWith(uint64_t entries) const;
  EntryLog::Queue QueueToEvict() const;
  void Remember(EntryRef ref);

  EvictionHost* const host_;
  std::unique_ptr<GhostFilter> ghosts_;  // from the first eviction on
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_EVICTION_S3FIFO_POLICY_H_
