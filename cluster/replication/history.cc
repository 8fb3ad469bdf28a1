#include "cluster/replication/history.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace larder::cluster {

absl::StatusOr<History> History::Create(Parts parts) {
  const std::vector<Beginning>& list = parts.beginnings;
  if (list.size() > kEpochsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("a history of ", list.size(), " epochs; at most ", kEpochsMax));
  }
  for (size_t i = 0; i < list.size(); ++i) {
    if (!list[i].epoch.is_set()) {
      return absl::InvalidArgumentError("a history with an epoch whose term is 0");
    }
    if (i == 0) continue;
    if (list[i].epoch <= list[i - 1].epoch) {
      return absl::InvalidArgumentError(
          absl::StrCat("a history whose epochs do not rise: ", list[i].epoch.ToText(), " after ",
                       list[i - 1].epoch.ToText()));
    }
    if (list[i].first < list[i - 1].first) {
      return absl::InvalidArgumentError(absl::StrCat(
          "a history whose sequences fall: ", list[i].first, " after ", list[i - 1].first));
    }
  }
  History history;
  history.parts_ = std::move(parts);
  return history;
}

std::optional<size_t> History::Find(const Epoch& epoch) const {
  const auto found = std::lower_bound(
      beginnings().begin(), beginnings().end(), epoch,
      [](const Beginning& beginning, const Epoch& wanted) { return beginning.epoch < wanted; });
  if (found == beginnings().end() || found->epoch != epoch) return std::nullopt;
  return static_cast<size_t>(found - beginnings().begin());
}

std::optional<uint64_t> History::EndOf(const Epoch& epoch, uint64_t end) const {
  const std::optional<size_t> at = Find(epoch);
  if (!at.has_value()) return std::nullopt;
  return *at + 1 < beginnings().size() ? beginnings()[*at + 1].first : end;
}

bool History::Continues(const Position& position, uint64_t end) const {
  const std::optional<size_t> at = Find(position.epoch);
  if (!at.has_value() || position.sequence < beginnings()[*at].first) return false;
  return position.sequence <= *EndOf(position.epoch, end);
}

const Epoch& History::EpochAt(uint64_t sequence) const {
  assert(!empty());
  size_t at = beginnings().size() - 1;
  while (at > 0 && beginnings()[at].first >= sequence) --at;
  return beginnings()[at].epoch;
}

bool History::SharesEpochWith(const History& other) const {
  return std::any_of(
      beginnings().begin(), beginnings().end(),
      [&other](const Beginning& beginning) { return other.Contains(beginning.epoch); });
}

History::Reach History::Reached(const Position& position, uint64_t end) const {
  if (empty()) return Reach::kNotYet;
  const std::optional<size_t> at = Find(position.epoch);
  if (!at.has_value()) {
    if (position.epoch > beginnings().back().epoch) return Reach::kNotYet;
    const bool is_forgotten = parts_.forgot && position.epoch < beginnings().front().epoch;
    return is_forgotten ? Reach::kUnknown : Reach::kLost;
  }
  if (position.sequence <= *EndOf(position.epoch, end)) return Reach::kReached;
  return *at + 1 < beginnings().size() ? Reach::kLost : Reach::kNotYet;
}

void History::Begin(const Epoch& epoch, uint64_t first) {
  std::vector<Beginning>& list = parts_.beginnings;
  assert(list.empty() || (list.back().epoch < epoch && list.back().first <= first));
  // The last one has no record and will have none.
  if (list.size() > 1 && list.back().first == first) list.pop_back();
  if (list.size() == kEpochsMax) {
    list.erase(list.begin());
    parts_.forgot = true;
  }
  list.push_back({epoch, first});
}

void History::Truncate(uint64_t end) {
  std::vector<Beginning>& list = parts_.beginnings;
  while (list.size() > 1 && list.back().first >= end) list.pop_back();
}

}  // namespace larder::cluster
