#include "cluster/replication/growing_history.h"

#include <cstddef>

namespace larder::cluster {

GrowingHistory::GrowingHistory(const History& history, uint64_t sequence) : history_(history) {
  const std::vector<History::Beginning>& all = history.beginnings();
  history_.Truncate(sequence);
  announced_.assign(all.begin() + static_cast<ptrdiff_t>(history_.beginnings().size()), all.end());
}

const Epoch& GrowingHistory::EpochAt(uint64_t sequence) const {
  for (size_t left = announced_.size(); left > 0; --left) {
    if (announced_[left - 1].first < sequence) return announced_[left - 1].epoch;
  }
  return history_.EpochAt(sequence);
}

void GrowingHistory::Advance(uint64_t sequence) {
  size_t entered = 0;
  while (entered < announced_.size() && announced_[entered].first < sequence) {
    history_.Begin(announced_[entered].epoch, announced_[entered].first);
    ++entered;
  }
  announced_.erase(announced_.begin(), announced_.begin() + static_cast<ptrdiff_t>(entered));
}

void GrowingHistory::Open(const Epoch& epoch, uint64_t first) {
  Close(first);
  history_.Begin(epoch, first);
}

bool GrowingHistory::Close(uint64_t end) {
  announced_.clear();
  const size_t epochs = history_.beginnings().size();
  history_.Truncate(end);
  return history_.beginnings().size() == epochs;
}

History::Reach GrowingHistory::Reached(const Position& position, uint64_t end) const {
  const History::Reach reach = history_.Reached(position, end);
  if (reach != History::Reach::kNotYet || history_.empty()) return reach;
  History all = history_;
  for (const History::Beginning& next : announced_) all.Begin(next.epoch, next.first);
  const History::Reach later = all.Reached(position, end);
  return later == History::Reach::kLost ? later : reach;
}

}  // namespace larder::cluster
