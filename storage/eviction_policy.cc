#include "storage/eviction_policy.h"

#include "storage/eviction/list_policy.h"
#include "storage/eviction/sampled_policy.h"
#include "storage/eviction/ttl_policy.h"

namespace larder::storage {
namespace {

// Nothing may be evicted: a write that does not fit is refused.
class NonePolicy : public EvictionPolicy {
 public:
  void Inserted(Entry& /*entry*/, TimePoint /*now*/) override {}
  void Accessed(Entry& /*entry*/, TimePoint /*now*/) override {}
  void Removed(Entry& /*entry*/) override {}
  void Moved(Entry& /*from*/, Entry& /*to*/) override {}
  Entry* Victim(TimePoint /*now*/) override { return nullptr; }
  int64_t VictimRank() const override { return kNoVictim; }
  uint64_t size() const override { return 0; }
};

}  // namespace

bool RanksVictims(EvictionKind kind) {
  return kind == EvictionKind::kLru || kind == EvictionKind::kFifo || kind == EvictionKind::kTtl;
}

std::unique_ptr<EvictionPolicy> MakeEvictionPolicy(const EvictionPolicyOptions& options) {
  using Worst = SampledPolicy::Worst;
  const auto sampled = [&](Worst worst) {
    return std::make_unique<SampledPolicy>(worst, options.samples, options.seed);
  };
  switch (options.kind) {
    case EvictionKind::kLru:
      return std::make_unique<ListPolicy>(ListPolicy::Order::kLastUse);
    case EvictionKind::kFifo:
      return std::make_unique<ListPolicy>(ListPolicy::Order::kInsertion);
    case EvictionKind::kTtl:
      return std::make_unique<TtlPolicy>(options.expiry);
    case EvictionKind::kLruSampled:
      return sampled(Worst::kLastUse);
    case EvictionKind::kLfu:
      return sampled(Worst::kFrequency);
    case EvictionKind::kRandom:
      return sampled(Worst::kAny);
    case EvictionKind::kNone:
      break;
  }
  return std::make_unique<NonePolicy>();
}

}  // namespace larder::storage
