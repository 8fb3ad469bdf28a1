#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/testing/history/order_check.h"

namespace larder::history {
namespace {

// When an increment that may have counted began, and what all up to it can have added.
struct Doubt {
  int64_t begin;
  int64_t sum;
};

// The increments that may have counted in an era, or not, by begin.
std::vector<Doubt> Doubtful(const CheckContext& context, const KeyView& view, uint32_t era) {
  std::vector<Doubt> found;
  const auto add = [&context, &found](const KeyView::Moment& moment) {
    found.push_back({moment.begin, context.operation(moment.operation).delta});
  };
  const auto may_be = [era](const KeyView::Moment& moment) {
    return moment.eras.low <= era && era <= moment.eras.high;
  };
  for (const KeyView::Moment& moment : view.doubtful_increments()) {
    if (may_be(moment)) add(moment);
  }
  for (const KeyView::Sighting& sighting : view.sightings()) {
    const Operation& operation = context.operation(sighting.moment.operation);
    if (operation.kind == OperationKind::kIncrement && operation.outcome == Outcome::kOk &&
        !sighting.moment.eras.is_one() && may_be(sighting.moment)) {
      add(sighting.moment);
    }
  }
  std::sort(found.begin(), found.end(),
            [](const auto& one, const auto& other) { return one.begin < other.begin; });
  for (size_t i = 1; i < found.size(); ++i) found[i].sum += found[i - 1].sum;
  return found;
}

// One counter in one era.
class CounterCheck {
 public:
  CounterCheck(CheckContext& context, const KeyEras::Stay& stay, const std::vector<Doubt>& doubtful)
      : context_(context), stay_(stay), doubtful_(doubtful) {}

  void Run() {
    FindFirstEnds();
    const KeyView::Sighting* before = nullptr;
    int64_t unexplained = 0;
    for (size_t i = 0; i < stay_.sightings.size(); ++i) {
      const KeyView::Sighting& sighting = *stay_.sightings[i];
      const Operation& operation = context_.operation(sighting.moment.operation);
      const bool is_increment =
          sighting.is_step && !operation.is_created && operation.outcome == Outcome::kOk;
      if (before != nullptr) {
        const int64_t from = sighting.rank - (is_increment ? operation.delta : 0);
        if (is_increment && from < before->rank) {
          AddLostIncrement(sighting, *before);
        } else if (sighting.rank > before->rank) {
          unexplained += from - before->rank;
          if (unexplained > DoubtfulUntil(first_ends_[i])) {
            AddTooMuch(sighting, *before, unexplained);
            return;
          }
        }
      }
      before = &sighting;
    }
  }

 private:
  // For each sighting the first end of it and of those that follow.
  void FindFirstEnds() {
    first_ends_.resize(stay_.sightings.size());
    int64_t end = kNever;
    for (size_t i = stay_.sightings.size(); i-- > 0;) {
      end = std::min(end, stay_.sightings[i]->moment.end);
      first_ends_[i] = end;
    }
  }

  // What increments of unknown outcome that began before then can have added.
  int64_t DoubtfulUntil(int64_t end) const {
    const auto last = std::partition_point(doubtful_.begin(), doubtful_.end(),
                                           [end](const Doubt& doubt) { return doubt.begin < end; });
    return last == doubtful_.begin() ? 0 : (last - 1)->sum;
  }

  void AddLostIncrement(const KeyView::Sighting& one, const KeyView::Sighting& other) {
    context_.Add(FindingKind::kCounter,
                 absl::StrCat(context_.Describe(one.moment.operation),
                              " did not count what was counted already: ",
                              context_.Describe(other.moment.operation)),
                 {one.moment.operation, other.moment.operation});
  }

  void AddTooMuch(const KeyView::Sighting& sighting, const KeyView::Sighting& before,
                  int64_t unexplained) {
    context_.Add(
        FindingKind::kCounter,
        absl::StrCat(context_.Describe(sighting.moment.operation), " is more than was added after ",
                     context_.Describe(before.moment.operation), ": ", unexplained,
                     " come from no acknowledged increment, and those of unknown outcome make ",
                     DoubtfulUntil(sighting.moment.end)),
        {sighting.moment.operation, before.moment.operation});
  }

  CheckContext& context_;
  const KeyEras::Stay& stay_;
  const std::vector<Doubt>& doubtful_;
  std::vector<int64_t> first_ends_;
};

}  // namespace

void CheckCounters(CheckContext& context, const KeyView& view, const KeyEras& eras) {
  std::vector<Doubt> doubtful;
  uint32_t era = UINT32_MAX;
  for (const KeyEras::Stay& stay : eras.stays()) {
    const Operation& write = context.operation(view.blocks()[stay.block].write);
    if (write.kind != OperationKind::kIncrement) continue;
    if (stay.era != era) doubtful = Doubtful(context, view, era = stay.era);
    CounterCheck(context, stay, doubtful).Run();
  }
}

}  // namespace larder::history
