#ifndef LARDER_STORAGE_EVICTION_SAMPLED_POLICY_H_
#define LARDER_STORAGE_EVICTION_SAMPLED_POLICY_H_

#include <cstddef>
#include <cstdint>

#include "storage/eviction/policy_bytes.h"
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
  static constexpr size_t kEntryBytes = 8;  // of those that compare

  SampledPolicy(EvictionHost* host, Worst worst, uint32_t samples, uint64_t seed)
      : host_(host), worst_(worst), samples_(worst == Worst::kAny ? 1 : samples), random_(seed) {}

  void Inserted(EntryRef ref, TimePoint now) override;
  void Accessed(EntryRef ref, TimePoint now) override;
  void Removed(EntryRef /*ref*/) override {}
  void Moved(EntryRef /*from*/, EntryRef /*to*/) override {}
  EntryRef Victim(TimePoint now) override;
  int64_t VictimRank() const override { return host_->evictable_count() == 0 ? kNoVictim : 0; }

 private:
  using LastUse = PolicyTime<6>;
  using Frequency = PolicyNumber<kEntryBytes, 1>;

  static int64_t DecayedFrequency(EntryRef ref, TimePoint now);
  bool IsWorse(EntryRef a, EntryRef b, TimePoint now) const;

  EvictionHost* const host_;
  const Worst worst_;
  const uint32_t samples_;
  Random random_;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_EVICTION_SAMPLED_POLICY_H_
