#include "storage/eviction/sampled_policy.h"

#include <algorithm>

namespace larder::storage {
namespace {

constexpr uint8_t kNewFrequency = 5;  // a new entry is not the worst at once
constexpr uint8_t kFrequencyMax = 255;
constexpr double kFrequencyFactor = 10;  // about a million uses reach the top
constexpr Millis kDecayPeriod = std::chrono::minutes(1);

// Counts the minutes that have begun since, so that frequent use does not put off the decay.
uint8_t DecayedFrequency(const Entry& entry, TimePoint now) {
  const int64_t begun = now.time_since_epoch() / kDecayPeriod;
  const int64_t used = entry.policy_time.time_since_epoch() / kDecayPeriod;
  const int64_t periods = std::max<int64_t>(begun - used, 0);
  return static_cast<uint8_t>(entry.frequency - std::min<int64_t>(periods, entry.frequency));
}

}  // namespace

void SampledPolicy::Inserted(Entry& entry, TimePoint now) {
  entry.policy_time = now;
  entry.frequency = kNewFrequency;
  entry.sample_index = static_cast<uint32_t>(entries_.size());
  entries_.push_back(&entry);
}

void SampledPolicy::Accessed(Entry& entry, TimePoint now) {
  if (worst_ == Worst::kFrequency) {
    const uint8_t frequency = DecayedFrequency(entry, now);
    const double above = frequency > kNewFrequency ? frequency - kNewFrequency : 0;
    const bool grows =
        frequency < kFrequencyMax && random_.Fraction() <= 1 / (above * kFrequencyFactor + 1);
    entry.frequency = static_cast<uint8_t>(frequency + (grows ? 1 : 0));
  }
  entry.policy_time = now;
}

void SampledPolicy::Removed(Entry& entry) {
  Entry* last = entries_.back();
  last->sample_index = entry.sample_index;
  entries_[entry.sample_index] = last;
  entries_.pop_back();
}

void SampledPolicy::Moved(Entry& /*from*/, Entry& to) { entries_[to.sample_index] = &to; }

Entry* SampledPolicy::Victim(TimePoint now) {
  if (entries_.empty()) return nullptr;
  Entry* worst = entries_[random_.Below(entries_.size())];
  for (uint32_t i = 1; i < samples_; ++i) {
    Entry* candidate = entries_[random_.Below(entries_.size())];
    if (IsWorse(*candidate, *worst, now)) worst = candidate;
  }
  return worst;
}

bool SampledPolicy::IsWorse(const Entry& a, const Entry& b, TimePoint now) const {
  if (worst_ == Worst::kFrequency) {
    const uint8_t frequency_a = DecayedFrequency(a, now);
    const uint8_t frequency_b = DecayedFrequency(b, now);
    if (frequency_a != frequency_b) return frequency_a < frequency_b;
  }
  return a.policy_time < b.policy_time;
}

}  // namespace larder::storage
