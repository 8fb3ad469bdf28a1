#include "cluster/replication/freshness.h"

#include <algorithm>

namespace larder::cluster {

void Freshness::Ask(uint64_t number, BootTime now) {
  // The oldest stay: answers that are slow to come would else always find their question gone.
  if (asked_.size() == kOpenMax) asked_.pop_back();
  asked_.push_back({number, now});
}

void Freshness::Hear(uint64_t number, Millis age, uint64_t needed) {
  std::optional<BootTime> asked_at;
  while (!asked_.empty() && asked_.front().number <= number) {
    if (asked_.front().number == number) asked_at = asked_.front().at;
    asked_.pop_front();
  }
  if (!asked_at.has_value()) return;
  if (heard_.size() == kOpenMax) heard_.pop_back();
  heard_.push_back({*asked_at - age, needed});
  Advance(applied_);
}

void Freshness::Advance(uint64_t applied) {
  applied_ = applied;
  while (!heard_.empty() && heard_.front().needed <= applied) {
    const BootTime as_of = heard_.front().as_of;
    fresh_as_of_ = fresh_as_of_.has_value() ? std::max(*fresh_as_of_, as_of) : as_of;
    heard_.pop_front();
  }
}

void Freshness::ForgetOpen() {
  asked_.clear();
  heard_.clear();
}

void Freshness::Reset() { *this = Freshness(); }

std::optional<Millis> Freshness::Staleness(BootTime now) const {
  if (!fresh_as_of_.has_value()) return std::nullopt;
  return now - *fresh_as_of_;
}

}  // namespace larder::cluster
