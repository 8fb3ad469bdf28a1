#include "tests/testing/history/loss_windows.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace larder::history {
namespace {

bool Keeps(const LossEvent& event, const Operation& write) {
  if (event.loses == LossEvent::Loses::kEverything) return false;
  if (write.ack == AckLevel::kReplicas && write.replicas >= event.nodes_lost) return true;
  if (write.ack == AckLevel::kDisk && !event.disk_lost) return true;
  return event.kept.is_known() && write.position.is_known() &&
         write.position.shard == event.kept.shard && write.position <= event.kept;
}

}  // namespace

LossWindows::LossWindows(const std::vector<LossEvent>& events) {
  std::vector<LossEvent> sorted;
  for (const LossEvent& event : events) {
    if (event.loses != LossEvent::Loses::kNothing) sorted.push_back(event);
  }
  std::sort(sorted.begin(), sorted.end(), [](const LossEvent& one, const LossEvent& other) {
    return std::tie(one.begin, one.name) < std::tie(other.begin, other.name);
  });
  for (LossEvent& event : sorted) {
    const bool everything = event.loses == LossEvent::Loses::kEverything;
    if (windows_.empty() || windows_.back().end < event.begin) {
      windows_.push_back({event.begin, event.end, everything, {}});
    } else {
      windows_.back().end = std::max(windows_.back().end, event.end);
      // One of the others may have brought back what it does not lose.
      windows_.back().loses_everything = windows_.back().loses_everything && everything;
    }
    windows_.back().events.push_back(std::move(event));
  }
}

LossWindows::Eras LossWindows::ErasOf(int64_t begin, int64_t end,
                                      const LogPosition& position) const {
  const auto low = std::partition_point(windows_.begin(), windows_.end(),
                                        [begin](const Window& w) { return w.end < begin; });
  const auto high = std::partition_point(windows_.begin(), windows_.end(),
                                         [end](const Window& w) { return w.begin <= end; });
  Eras eras{static_cast<uint32_t>(low - windows_.begin()),
            static_cast<uint32_t>(high - windows_.begin())};
  if (!position.is_known()) return eras;
  for (uint32_t era = eras.low; era < eras.high; ++era) {
    // Only a window of one event has one epoch after it.
    const Window& window = windows_[era];
    if (window.events.size() != 1 || window.events.front().new_epoch == 0) return eras;
    if (position.epoch < window.events.front().new_epoch) return {era, era};
    eras.low = era + 1;
  }
  return eras;
}

bool LossWindows::IsProtected(const Operation& write) const {
  auto window = std::partition_point(windows_.begin(), windows_.end(),
                                     [&write](const Window& w) { return w.end < write.begin; });
  for (; window != windows_.end(); ++window) {
    for (const LossEvent& event : window->events) {
      if (event.end >= write.begin && !Keeps(event, write)) return false;
    }
  }
  return true;
}

bool LossWindows::AllIsLostBetween(uint32_t from, uint32_t to) const {
  for (uint32_t window = from; window < to; ++window) {
    if (windows_[window].loses_everything) return true;
  }
  return false;
}

}  // namespace larder::history
