#include "storage/eviction_policy.h"

#include "storage/eviction/list_policy.h"
#include "storage/eviction/s3fifo_policy.h"
#include "storage/eviction/sampled_policy.h"
#include "storage/eviction/sieve_policy.h"
#include "storage/eviction/slru_policy.h"
#include "storage/eviction/ttl_policy.h"

namespace larder::storage {
namespace {

// Nothing may be evicted: a write that does not fit is refused.
class NonePolicy : public EvictionPolicy {
 public:
  void Inserted(EntryRef /*ref*/, TimePoint /*now*/) override {}
  void Accessed(EntryRef /*ref*/, TimePoint /*now*/) override {}
  void Removed(EntryRef /*ref*/) override {}
  void Moved(EntryRef /*from*/, EntryRef /*to*/) override {}
  EntryRef Victim(TimePoint /*now*/) override { return {}; }
  int64_t VictimRank() const override { return kNoVictim; }
};

}  // namespace

bool RanksVictims(EvictionKind kind) {
  switch (kind) {
    case EvictionKind::kLru:
    case EvictionKind::kFifo:
    case EvictionKind::kTtl:
    case EvictionKind::kS3Fifo:
    case EvictionKind::kSieve:
    case EvictionKind::kSlru:
      return true;
    case EvictionKind::kLruSampled:
    case EvictionKind::kLfu:
    case EvictionKind::kRandom:
    case EvictionKind::kNone:
      break;
  }
  return false;
}

bool RanksByUse(EvictionKind kind) {
  return kind == EvictionKind::kLru || kind == EvictionKind::kSlru;
}

size_t PolicyBytesPerEntry(EvictionKind kind) {
  switch (kind) {
    case EvictionKind::kLru:
    case EvictionKind::kFifo:
    case EvictionKind::kSieve:
      return EntryList::kEntryBytes;
    case EvictionKind::kTtl:
      return TtlPolicy::kEntryBytes;
    case EvictionKind::kSlru:
      return SlruPolicy::kEntryBytes;
    case EvictionKind::kLruSampled:
    case EvictionKind::kLfu:
      return SampledPolicy::kEntryBytes;
    case EvictionKind::kS3Fifo:
    case EvictionKind::kRandom:
    case EvictionKind::kNone:
      break;
  }
  return 0;
}

bool NeedsLogOrder(EvictionKind kind) { return kind == EvictionKind::kS3Fifo; }

std::unique_ptr<EvictionPolicy> MakeEvictionPolicy(const EvictionPolicyOptions& options,
                                                   EvictionHost* host) {
  using Worst = SampledPolicy::Worst;
  const auto sampled = [&](Worst worst) {
    return std::make_unique<SampledPolicy>(host, worst, options.samples, options.seed);
  };
  switch (options.kind) {
    case EvictionKind::kLru:
      return std::make_unique<ListPolicy>(host, ListPolicy::Order::kLastUse);
    case EvictionKind::kFifo:
      return std::make_unique<ListPolicy>(host, ListPolicy::Order::kInsertion);
    case EvictionKind::kTtl:
      return std::make_unique<TtlPolicy>(host);
    case EvictionKind::kS3Fifo:
      return std::make_unique<S3FifoPolicy>(host);
    case EvictionKind::kSieve:
      return std::make_unique<SievePolicy>(host);
    case EvictionKind::kSlru:
      return std::make_unique<SlruPolicy>(host);
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
