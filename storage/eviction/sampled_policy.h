#ifndef LARDER_STORAGE_EVICTION_SAMPLED_POLICY_H_
#define LARDER_STORAGE_EVICTION_SAMPLED_POLICY_H_

#include "storage/compact_array.h"
#include "storage/entry.h"
#include "storage/eviction_policy.h"
#include "storage/random.h"

namespace larder::storage {

// Compares a few entries chosen uniformly at random and takes the worst:
//   lru-sampled  the one not used for longest (Redis' allkeys-lru, without its candidate pool)
//   lfu          the one used least often, by a logarithmic counter that loses one a minute
//                (Redis' LFU: a counter's chance to grow falls with its height)
//   random       the first
class SampledPolicy : public EvictionPolicy {
 public:
  enum class Worst { kLastUse, kFrequency, kAny };
  SampledPolicy(Worst worst, uint32_t samples, uint64_t seed)
      : worst_(worst), samples_(worst == Worst::kAny ? 1 : samples), random_(seed) {}

  void Inserted(Entry& entry, TimePoint now) override;
  void Accessed(Entry& entry, TimePoint now) override;
  void Removed(Entry& entry) override;
  void Moved(Entry& from, Entry& to) override;
  Entry* Victim(TimePoint now) override;
  int64_t VictimRank() const override { return entries_.empty() ? kNoVictim : 0; }
  uint64_t size() const override { return entries_.size(); }
  uint64_t memory_bytes() const override { return entries_.memory_bytes(); }
  uint64_t growth_bytes() const override { return entries_.growth_bytes(); }

 private:
  bool IsWorse(const Entry& a, const Entry& b, TimePoint now) const;

  const Worst worst_;
  const uint32_t samples_;
  Random random_;
  CompactArray<Entry*> entries_;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_EVICTION_SAMPLED_POLICY_H_
