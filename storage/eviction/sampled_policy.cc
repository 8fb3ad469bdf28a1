#include "storage/eviction/sampled_policy.h"

#include <algorithm>

namespace larder::storage {
namespace {

constexpr int64_t kNewFrequency = 5;  // a new entry is not the worst at once
constexpr int64_t kFrequencyMax = 255;
constexpr double kFrequencyFactor = 10;  // about a million uses reach the top
constexpr Millis kDecayPeriod = std::chrono::minutes(1);

}  // namespace

// Counts the minutes that have begun since, so that frequent use does not put off the decay.
int64_t SampledPolicy::DecayedFrequency(EntryRef ref, TimePoint now) {
  const auto frequency = static_cast<int64_t>(Frequency::Get(ref.entry));
  const int64_t begun = now.time_since_epoch() / kDecayPeriod;
  const int64_t used = LastUse::Get(ref.entry).time_since_epoch() / kDecayPeriod;
  return frequency - std::clamp<int64_t>(begun - used, 0, frequency);
}

void SampledPolicy::Inserted(EntryRef ref, TimePoint now) {
  if (worst_ == Worst::kAny) return;
  LastUse::Set(ref.entry, now);
  Frequency::Set(ref.entry, kNewFrequency);
}

void SampledPolicy::Accessed(EntryRef ref, TimePoint now) {
  if (worst_ == Worst::kAny) return;
  if (worst_ == Worst::kFrequency) {
    const int64_t frequency = DecayedFrequency(ref, now);
    const double above =
        frequency > kNewFrequency ? static_cast<double>(frequency - kNewFrequency) : 0;
    const bool grows =
        frequency < kFrequencyMax && random_.Fraction() <= 1 / (above * kFrequencyFactor + 1);
    Frequency::Set(ref.entry, static_cast<uint64_t>(frequency + (grows ? 1 : 0)));
  }
  LastUse::Set(ref.entry, now);
}

EntryRef SampledPolicy::Victim(TimePoint now) {
  EntryRef worst = host_->AnyEvictable(random_);
  for (uint32_t i = 1; worst && i < samples_; ++i) {
    const EntryRef candidate = host_->AnyEvictable(random_);
    if (IsWorse(candidate, worst, now)) worst = candidate;
  }
  return worst;
}

bool SampledPolicy::IsWorse(EntryRef a, EntryRef b, TimePoint now) const {
  if (worst_ == Worst::kFrequency) {
    const int64_t frequency_a = DecayedFrequency(a, now);
    const int64_t frequency_b = DecayedFrequency(b, now);
    if (frequency_a != frequency_b) return frequency_a < frequency_b;
  }
  return LastUse::Get(a.entry) < LastUse::Get(b.entry);
}

}  // namespace larder::storage
