#include "tests/testing/history/lifetimes.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace larder::history {
namespace {

constexpr int64_t kNanosecondsPerMillisecond = 1'000'000;

int64_t After(int64_t time, int64_t duration) { return time == kNever ? kNever : time + duration; }

}  // namespace

Lifetimes::Lifetimes(const CheckContext& context, const KeyView& view)
    : context_(context), view_(view) {
  for (const KeyView::Block& block : view.blocks()) {
    std::vector<Lifetime>& lifetimes = lifetimes_.emplace_back(block.lifetimes);
    std::sort(lifetimes.begin(), lifetimes.end(), [](const Lifetime& one, const Lifetime& other) {
      return one.moment.end < other.moment.end;
    });
    std::vector<int64_t>& last_begins = last_begins_.emplace_back();
    int64_t last = kAlways;
    for (const Lifetime& lifetime : lifetimes) {
      last_begins.push_back(last = std::max(last, lifetime.moment.begin));
    }
    int64_t earliest = kNever;
    for (size_t i = 0; i < lifetimes.size(); ++i) {
      earliest = std::min(earliest, EarliestOf(lifetimes, i));
    }
    for (const Lifetime& touch : view.doubtful_touches()) {
      if (touch.ttl_ns == 0 || touch.moment.end < block.moment.begin) continue;
      earliest = std::min(earliest, After(std::max(touch.moment.begin, block.moment.begin),
                                          touch.ttl_ns - context.options().clock_margin_ns));
    }
    earliest_.push_back(earliest);
  }
  for (const Lifetime& touch : view.stray_touches()) {
    if (touch.ttl_ns == 0) continue;
    unseen_expiries_.push_back(touch.moment.begin + touch.ttl_ns -
                               context.options().clock_margin_ns);
  }
  for (const KeyView::Moment& write : view.writes()) {
    const Operation& operation = context.operation(write.operation);
    const bool is_certain = operation.outcome == Outcome::kOk && write.eras.is_one();
    if (operation.ttl_ms == 0 || is_certain) continue;
    unseen_expiries_.push_back(write.begin + operation.ttl_ms * kNanosecondsPerMillisecond -
                               context.options().clock_margin_ns);
  }
}

// When what one lifetime says may end the entry, if no later one has surely changed that. After a
// loss the later one may be gone.
int64_t Lifetimes::EarliestOf(const std::vector<Lifetime>& lifetimes, size_t index) const {
  const Lifetime& lifetime = lifetimes[index];
  if (lifetime.ttl_ns == 0) return kNever;
  const int64_t ends = lifetime.moment.begin + lifetime.ttl_ns - context_.options().clock_margin_ns;
  if (!context_.windows().empty()) return ends;
  for (size_t i = index + 1; i < lifetimes.size() && lifetimes[i].moment.end < ends; ++i) {
    if (lifetimes[i].moment.begin > lifetime.moment.end &&
        context_.operation(lifetimes[i].moment.operation).outcome == Outcome::kOk) {
      return kNever;
    }
  }
  return ends;
}

bool Lifetimes::MustHaveExpired(const KeyView::Sighting& sighting) const {
  const std::vector<Lifetime>& lifetimes = lifetimes_[sighting.block];
  const int64_t begin = sighting.moment.begin;
  if (lifetimes.empty()) return false;
  for (const Lifetime& touch : view_.doubtful_touches()) {
    if (touch.moment.begin < sighting.moment.end) return false;
  }
  // Those that had ended; what began last of them has replaced what had ended before it began.
  const auto ended = std::partition_point(
      lifetimes.begin(), lifetimes.end(),
      [begin](const Lifetime& lifetime) { return lifetime.moment.end <= begin; });
  const bool can_replace = context_.windows().empty() && ended != lifetimes.begin();
  const int64_t replaced_before =
      can_replace ? last_begins_[sighting.block][static_cast<size_t>(ended - lifetimes.begin()) - 1]
                  : kAlways;
  for (auto lifetime = lifetimes.rbegin(); lifetime != lifetimes.rend(); ++lifetime) {
    if (lifetime->moment.end < replaced_before) break;
    if (lifetime->moment.begin > sighting.moment.end) continue;
    if (lifetime->ttl_ns == 0 || lifetime->moment.end == kNever) return false;
    if (lifetime->moment.end + lifetime->ttl_ns + context_.options().clock_margin_ns >= begin) {
      return false;
    }
  }
  return true;
}

void CheckExpiry(CheckContext& context, const KeyView& view, const Lifetimes& lifetimes) {
  for (const KeyView::Sighting& sighting : view.sightings()) {
    const uint32_t number = sighting.moment.operation;
    const uint32_t write = view.blocks()[sighting.block].write;
    if (number == write || context.operation(number).outcome != Outcome::kOk) continue;
    if (!lifetimes.MustHaveExpired(sighting)) continue;
    context.Add(FindingKind::kResurrected,
                absl::StrCat(context.Describe(number),
                             " found what must have expired before: ", context.Describe(write)),
                {number, write});
  }
}

}  // namespace larder::history
