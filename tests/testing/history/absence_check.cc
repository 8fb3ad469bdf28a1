#include "tests/testing/history/absence_check.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"

namespace larder::history {
namespace {

// Something that may have happened at a time between, and what is the last of its kind.
struct Cause {
  int64_t begin;
  int64_t end;
};

// Answers which of the causes that begin before a time ends last.
class Causes {
 public:
  void Add(int64_t begin, int64_t end) { causes_.push_back({begin, end}); }
  void Add(const KeyView::Moment& moment) { Add(moment.begin, moment.end); }
  void Sort() {
    std::sort(causes_.begin(), causes_.end(),
              [](const Cause& one, const Cause& other) { return one.begin < other.begin; });
    for (size_t i = 1; i < causes_.size(); ++i) {
      causes_[i].end = std::max(causes_[i].end, causes_[i - 1].end);
    }
  }
  // kAlways: there is none.
  int64_t LastEndOfThoseBefore(int64_t time) const {
    const auto after = std::partition_point(
        causes_.begin(), causes_.end(), [time](const Cause& cause) { return cause.begin <= time; });
    return after == causes_.begin() ? kAlways : (after - 1)->end;
  }

 private:
  std::vector<Cause> causes_;
};

bool MayBeIn(const KeyView::Moment& moment, uint32_t era) {
  return moment.eras.low <= era && era <= moment.eras.high;
}

// The misses of one era. The loss before it explains none that follows a sighting: what is seen in
// an era has been there since.
class MissCheck {
 public:
  MissCheck(CheckContext& context, const KeyView& view, const Lifetimes& lifetimes, uint32_t era)
      : context_(context), view_(view), lifetimes_(lifetimes) {
    for (const KeyView::Moment& removal : view.removals()) {
      if (MayBeIn(removal, era)) causes_.Add(removal);
    }
    for (const KeyView::Moment& removal : view.doubtful_removals()) {
      if (MayBeIn(removal, era)) causes_.Add(removal);
    }
    for (const int64_t expiry : lifetimes.unseen_expiries()) causes_.Add(expiry, kNever);
  }

  void Add(const KeyEras::Stay& stay) {
    stays_.push_back(&stay);
    // Expiry ends it; that is after whatever it followed.
    const int64_t expiry = lifetimes_.EarliestExpiry(stay.block);
    if (expiry != kNever) causes_.Add(expiry, stay.zone.first_end);
  }

  void Run(const std::vector<const KeyView::Moment*>& misses) {
    causes_.Sort();
    std::sort(stays_.begin(), stays_.end(), [](const auto* one, const auto* other) {
      return one->zone.first_end < other->zone.first_end;
    });
    std::vector<const KeyEras::Stay*> latest = stays_;  // of those up to each, the last to begin
    for (size_t i = 1; i < latest.size(); ++i) {
      if (latest[i - 1]->zone.last_begin > latest[i]->zone.last_begin) latest[i] = latest[i - 1];
    }
    for (const KeyView::Moment* miss : misses) {
      const auto after = std::partition_point(
          stays_.begin(), stays_.end(),
          [miss](const auto* stay) { return stay->zone.first_end < miss->begin; });
      if (after == stays_.begin()) continue;
      const KeyEras::Stay& last = *latest[static_cast<size_t>(after - stays_.begin()) - 1];
      if (causes_.LastEndOfThoseBefore(miss->end) >= last.zone.last_begin) continue;
      if (lifetimes_.EarliestExpiry(last.block) <= miss->end) continue;
      // Seen before and after a miss: that is told as one out of order.
      if (last.zone.last_begin > miss->end) continue;
      AddFinding(*miss, last);
    }
  }

 private:
  void AddFinding(const KeyView::Moment& miss, const KeyEras::Stay& stay) {
    const uint32_t write = view_.blocks()[stay.block].write;
    std::string message = absl::StrCat(context_.Describe(miss.operation),
                                       " finds nothing, and no delete, expiry or loss explains "
                                       "where the value is of ",
                                       context_.Describe(write));
    std::vector<uint32_t> operations = {miss.operation, write};
    if (stay.zone.last_operation != write) {
      absl::StrAppend(&message, ", which was there at ",
                      context_.Describe(stay.zone.last_operation));
      operations.push_back(stay.zone.last_operation);
    }
    context_.Add(FindingKind::kLost, std::move(message), std::move(operations));
  }

  CheckContext& context_;
  const KeyView& view_;
  const Lifetimes& lifetimes_;
  Causes causes_;
  std::vector<const KeyEras::Stay*> stays_;
};

using Moments = std::vector<const KeyView::Moment*>;

std::vector<Moments> ByEra(const CheckContext& context,
                           const std::vector<KeyView::Moment>& moments) {
  std::vector<Moments> eras(context.windows().windows().size() + 1);
  for (const KeyView::Moment& moment : moments) {
    if (moment.eras.is_one()) eras[moment.eras.low].push_back(&moment);
  }
  return eras;
}

// Something may have been written between each delete and what was missing before. False: not so.
bool CheckEachRemoval(CheckContext& context, const KeyView& view, uint32_t era,
                      const Moments& misses, const Moments& removals) {
  bool is_good = true;
  Causes writes;
  for (const KeyView::Moment& write : view.writes()) {
    if (MayBeIn(write, era)) writes.Add(write);
  }
  writes.Sort();
  // By end: when the key was surely missing.
  std::vector<const KeyView::Moment*> missing = misses;
  missing.insert(missing.end(), removals.begin(), removals.end());
  std::sort(missing.begin(), missing.end(),
            [](const auto* one, const auto* other) { return one->end < other->end; });
  std::vector<const KeyView::Moment*> latest = missing;
  for (size_t i = 1; i < latest.size(); ++i) {
    if (latest[i - 1]->begin > latest[i]->begin) latest[i] = latest[i - 1];
  }
  for (const KeyView::Moment* removal : removals) {
    const auto after = std::partition_point(
        missing.begin(), missing.end(),
        [removal](const auto* moment) { return moment->end < removal->begin; });
    const KeyView::Moment* last = after == missing.begin()
                                      ? nullptr
                                      : latest[static_cast<size_t>(after - missing.begin()) - 1];
    const int64_t write_end = writes.LastEndOfThoseBefore(removal->end);
    if (last != nullptr ? write_end >= last->begin : write_end != kAlways || era > 0) continue;
    is_good = false;
    std::vector<uint32_t> operations = {removal->operation};
    std::string message =
        absl::StrCat(context.Describe(removal->operation), " deleted what nobody has written");
    if (last != nullptr) {
      absl::StrAppend(&message, " since ", context.Describe(last->operation));
      operations.push_back(last->operation);
    }
    context.Add(FindingKind::kPhantom, std::move(message), std::move(operations));
  }
  return is_good;
}

// Each delete has something of its own to delete: one of the writes so far, or what came back.
void CheckRemovalCount(CheckContext& context, const KeyView& view, uint32_t era,
                       const Moments& removals) {
  std::vector<int64_t> begins;
  for (const KeyView::Moment& write : view.writes()) {
    if (MayBeIn(write, era)) begins.push_back(write.begin);
  }
  std::sort(begins.begin(), begins.end());
  Moments sorted = removals;
  std::sort(sorted.begin(), sorted.end(),
            [](const auto* one, const auto* other) { return one->end < other->end; });
  const size_t restored = era > 0 ? 1 : 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    const auto writes = static_cast<size_t>(
        std::upper_bound(begins.begin(), begins.end(), sorted[i]->end) - begins.begin());
    if (i < writes + restored) continue;
    context.Add(
        FindingKind::kPhantom,
        absl::StrCat(context.Describe(sorted[i]->operation), " and ", i,
                     " deletes before it deleted what can have been written ", writes, " times"),
        {sorted[i]->operation});
    return;
  }
}

}  // namespace

void CheckMisses(CheckContext& context, const KeyView& view, const KeyEras& eras,
                 const Lifetimes& lifetimes) {
  if (context.options().evictions_allowed) return;
  const auto misses = ByEra(context, view.absences());
  size_t stay = 0;
  for (uint32_t era = 0; era < misses.size(); ++era) {
    if (misses[era].empty()) {
      while (stay < eras.stays().size() && eras.stays()[stay].era == era) ++stay;
      continue;
    }
    MissCheck check(context, view, lifetimes, era);
    for (; stay < eras.stays().size() && eras.stays()[stay].era == era; ++stay) {
      check.Add(eras.stays()[stay]);
    }
    check.Run(misses[era]);
  }
}

void CheckCreations(CheckContext& context, const KeyView& view, const Lifetimes& lifetimes) {
  if (context.options().evictions_allowed || !lifetimes.unseen_expiries().empty()) return;
  for (uint32_t block = 0; block < view.blocks().size(); ++block) {
    if (lifetimes.EarliestExpiry(block) != kNever) return;
  }
  const auto eras = ByEra(context, view.absences());
  for (uint32_t era = 0; era < eras.size(); ++era) {
    Moments creations;
    for (const KeyView::Moment* absence : eras[era]) {
      const Operation& operation = context.operation(absence->operation);
      const bool is_creation = operation.done && operation.is_mutation();
      if (is_creation) creations.push_back(absence);
    }
    if (creations.size() < 2) continue;
    std::vector<int64_t> begins;
    for (const auto* removals : {&view.removals(), &view.doubtful_removals()}) {
      for (const KeyView::Moment& removal : *removals) {
        if (MayBeIn(removal, era)) begins.push_back(removal.begin);
      }
    }
    std::sort(begins.begin(), begins.end());
    std::sort(creations.begin(), creations.end(),
              [](const auto* one, const auto* other) { return one->end < other->end; });
    for (size_t i = 1; i < creations.size(); ++i) {
      const auto removals = static_cast<size_t>(
          std::upper_bound(begins.begin(), begins.end(), creations[i]->end) - begins.begin());
      if (i <= removals) continue;
      context.Add(FindingKind::kOutOfOrder,
                  absl::StrCat("the key was created ", i + 1, " times but deleted ", removals,
                               " times: ", context.Describe(creations[i - 1]->operation), " and ",
                               context.Describe(creations[i]->operation)),
                  {creations[i - 1]->operation, creations[i]->operation});
      break;
    }
  }
}

void CheckRemovals(CheckContext& context, const KeyView& view) {
  const auto misses = ByEra(context, view.absences());
  const auto removals = ByEra(context, view.removals());
  for (uint32_t era = 0; era < removals.size(); ++era) {
    if (removals[era].empty()) continue;
    // What the first finds would be found once more.
    if (CheckEachRemoval(context, view, era, misses[era], removals[era])) {
      CheckRemovalCount(context, view, era, removals[era]);
    }
  }
}

}  // namespace larder::history
