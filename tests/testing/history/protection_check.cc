#include "tests/testing/history/protection_check.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace larder::history {
namespace {

// A protected write or delete, and the block that it made.
struct Kept {
  const KeyView::Moment* moment;
  std::optional<uint32_t> block;
};

// When a block was seen, whatever was lost meanwhile.
struct Span {
  int64_t first_end = kNever;
  int64_t last_begin = kAlways;
  const KeyView::Moment* last = nullptr;
  uint32_t block = 0;
};

// While something may be lost a node that is to go may still answer.
bool IsCertain(const KeyView::Sighting& sighting) {
  return sighting.is_step || sighting.moment.eras.is_one();
}

std::vector<Kept> KeptWrites(const CheckContext& context, const KeyView& view) {
  std::vector<Kept> kept;
  const auto is_kept = [&context](const KeyView::Moment& moment) {
    const Operation& write = context.operation(moment.operation);
    return write.outcome == Outcome::kOk && context.windows().IsProtected(write);
  };
  for (const KeyView::Sighting& sighting : view.sightings()) {
    if (sighting.is_step && is_kept(sighting.moment)) {
      kept.push_back({&sighting.moment, sighting.block});
    }
  }
  for (const KeyView::Moment& removal : view.removals()) {
    if (is_kept(removal)) kept.push_back({&removal, std::nullopt});
  }
  return kept;
}

void AddFinding(CheckContext& context, const KeyView::Moment& write, const KeyView::Moment& seen,
                const char* what) {
  // The checks inside an era find that, too.
  if (write.eras.is_one() && seen.eras.is_one() && write.eras.low == seen.eras.low) return;
  context.Add(FindingKind::kLost,
              absl::StrCat("no loss may undo ", context.Describe(write.operation), ", but ",
                           context.Describe(seen.operation), " ", what),
              {write.operation, seen.operation});
}

// Another block was there before the write, and again after it.
void CheckReturned(CheckContext& context, const KeyView& view, const std::vector<Kept>& kept) {
  std::vector<Span> spans(view.blocks().size());
  for (const KeyView::Sighting& sighting : view.sightings()) {
    if (!IsCertain(sighting)) continue;
    Span& span = spans[sighting.block];
    span.block = sighting.block;
    span.first_end = std::min(span.first_end, sighting.moment.end);
    if (sighting.moment.begin > span.last_begin) {
      span.last_begin = sighting.moment.begin;
      span.last = &sighting.moment;
    }
  }
  std::sort(spans.begin(), spans.end(),
            [](const Span& one, const Span& other) { return one.first_end < other.first_end; });
  // Of the spans up to each, the two that were seen last.
  std::vector<std::pair<const Span*, const Span*>> latest;
  std::pair<const Span*, const Span*> two;
  for (const Span& span : spans) {
    if (two.first == nullptr || span.last_begin > two.first->last_begin) {
      two = {&span, two.first};
    } else if (two.second == nullptr || span.last_begin > two.second->last_begin) {
      two.second = &span;
    }
    latest.push_back(two);
  }
  for (const Kept& write : kept) {
    const auto before = std::partition_point(
        spans.begin(), spans.end(),
        [&write](const Span& span) { return span.first_end < write.moment->begin; });
    if (before == spans.begin()) continue;
    const auto& [first, second] = latest[static_cast<size_t>(before - spans.begin()) - 1];
    const Span* other = first->block == write.block ? second : first;
    if (other == nullptr || other->last_begin <= write.moment->end) continue;
    AddFinding(context, *write.moment, *other->last, "found what was before it");
  }
}

// A block that the write has continued was seen without what it added.
void CheckUndone(CheckContext& context, const KeyView& view) {
  std::vector<const KeyView::Sighting*> sorted;  // the last to begin first
  for (const KeyView::Sighting& sighting : view.sightings()) {
    if (IsCertain(sighting)) sorted.push_back(&sighting);
  }
  std::sort(sorted.begin(), sorted.end(), [](const auto* one, const auto* other) {
    return one->block != other->block ? one->block < other->block
                                      : one->moment.begin > other->moment.begin;
  });
  std::vector<const KeyView::Sighting*> lowest = sorted;  // of the block, of those up to each
  for (size_t i = 1; i < lowest.size(); ++i) {
    if (lowest[i - 1]->block == sorted[i]->block && lowest[i - 1]->rank < sorted[i]->rank) {
      lowest[i] = lowest[i - 1];
    }
  }
  for (const KeyView::Sighting& sighting : view.sightings()) {
    const Operation& write = context.operation(sighting.moment.operation);
    if (!sighting.is_step || write.outcome != Outcome::kOk ||
        !context.windows().IsProtected(write)) {
      continue;
    }
    const auto after =
        std::partition_point(sorted.begin(), sorted.end(), [&sighting](const auto* other) {
          return other->block != sighting.block ? other->block < sighting.block
                                                : other->moment.begin > sighting.moment.end;
        });
    if (after == sorted.begin()) continue;
    const KeyView::Sighting& low = *lowest[static_cast<size_t>(after - sorted.begin()) - 1];
    if (low.block != sighting.block || low.rank >= sighting.rank) continue;
    AddFinding(context, sighting.moment, low.moment, "found a state from before it");
  }
}

// The key is missing after the write, and nothing has removed it.
void CheckGone(CheckContext& context, const KeyView& view, const Lifetimes& lifetimes,
               const std::vector<Kept>& kept) {
  if (context.options().evictions_allowed) return;
  std::vector<const Kept*> writes;  // by end
  for (const Kept& write : kept) {
    if (write.block) writes.push_back(&write);
  }
  std::sort(writes.begin(), writes.end(), [](const Kept* one, const Kept* other) {
    return one->moment->end < other->moment->end;
  });
  std::vector<const Kept*> latest = writes;
  for (size_t i = 1; i < latest.size(); ++i) {
    if (latest[i - 1]->moment->begin > latest[i]->moment->begin) latest[i] = latest[i - 1];
  }
  // What may have removed it: when that can have begun, and when it ended.
  std::vector<std::pair<int64_t, int64_t>> causes;
  for (const KeyView::Moment& removal : view.removals()) {
    causes.emplace_back(removal.begin, removal.end);
  }
  for (const KeyView::Moment& removal : view.doubtful_removals()) {
    causes.emplace_back(removal.begin, removal.end);
  }
  for (uint32_t block = 0; block < view.blocks().size(); ++block) {
    const int64_t expiry = lifetimes.EarliestExpiry(block);
    if (expiry != kNever) causes.emplace_back(expiry, kNever);
  }
  for (const int64_t expiry : lifetimes.unseen_expiries()) causes.emplace_back(expiry, kNever);
  std::sort(causes.begin(), causes.end());
  for (size_t i = 1; i < causes.size(); ++i) {
    causes[i].second = std::max(causes[i].second, causes[i - 1].second);
  }
  for (const KeyView::Moment& miss : view.absences()) {
    if (!miss.eras.is_one()) continue;
    const auto before = std::partition_point(
        writes.begin(), writes.end(),
        [&miss](const Kept* write) { return write->moment->end < miss.begin; });
    if (before == writes.begin()) continue;
    const Kept& write = *latest[static_cast<size_t>(before - writes.begin()) - 1];
    const auto cause = std::partition_point(
        causes.begin(), causes.end(), [&miss](const auto& one) { return one.first <= miss.end; });
    if (cause != causes.begin() && (cause - 1)->second >= write.moment->begin) continue;
    AddFinding(context, *write.moment, miss, "found nothing");
  }
}

}  // namespace

void CheckProtected(CheckContext& context, const KeyView& view, const Lifetimes& lifetimes) {
  // Without a loss the checks inside the only era say more.
  if (context.windows().empty()) return;
  const std::vector<Kept> kept = KeptWrites(context, view);
  if (kept.empty()) return;
  CheckReturned(context, view, kept);
  CheckUndone(context, view);
  CheckGone(context, view, lifetimes, kept);
}

}  // namespace larder::history
