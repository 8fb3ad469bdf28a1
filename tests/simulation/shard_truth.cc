#include "tests/simulation/shard_truth.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace larder::simulation {

using cluster::History;
using cluster::Position;

void ShardTruth::OnWritten(const Position& position, uint64_t digest, Millis now) {
  content_.emplace(position, digest);
  written_.emplace_back(now, position);
}

std::optional<std::string> ShardTruth::CheckContent(const Position& position,
                                                    uint64_t digest) const {
  const auto found = content_.find(position);
  if (found == content_.end()) {
    return absl::StrCat("nobody ever wrote up to ", position.ToText());
  }
  if (found->second == digest) return std::nullopt;
  return absl::StrCat("the content at ", position.ToText(), " is not what was written");
}

std::optional<std::string> ShardTruth::Judge(const Promise& promise, const Leader& leader,
                                             bool* is_over) {
  const History::Reach reach = leader.history.Reached(promise.position, leader.end);
  *is_over = reach != History::Reach::kReached;
  // Unknown: long ago, and the primary since then had it: its epoch was forgotten.
  if (!*is_over || reach == History::Reach::kUnknown) return std::nullopt;
  std::set<size_t> gone = promise.lost;
  gone.insert(leader.unheard.begin(), leader.unheard.end());
  if (gone.size() > promise.replicas) return std::nullopt;
  return absl::StrCat("a write up to ", promise.position.ToText(), ", acknowledged by ",
                      promise.replicas, " replicas, is lost with ", gone.size(), " nodes");
}

std::optional<std::string> ShardTruth::OnAcknowledged(const Position& position, Millis written,
                                                      size_t replicas) {
  ++acknowledged_;
  if (!promises_ || position.epoch.term <= set_aside_) return std::nullopt;
  Promise promise{position, replicas, {}};
  for (const auto& [when, node] : losses_) {
    if (when >= written) promise.lost.insert(node);
  }
  // Another may have been chosen while this one still had time to act.
  for (const Leader& leader : leaders_) {
    if (leader.history.beginnings().back().epoch <= position.epoch) continue;
    bool is_over = false;
    auto violation = Judge(promise, leader, &is_over);
    if (violation.has_value()) return violation;
    if (is_over) return std::nullopt;
  }
  promised_.push_back(std::move(promise));
  return std::nullopt;
}

void ShardTruth::OnDataLost(size_t node, Millis now) {
  losses_.emplace_back(now, node);
  for (Promise& promise : promised_) promise.lost.insert(node);
}

std::optional<std::string> ShardTruth::CheckLeader(const History& history, uint64_t end,
                                                   const std::set<size_t>& unheard) {
  // Nobody need show what is lost.
  std::erase_if(written_, [&](const auto& written) {
    const History::Reach reach = history.Reached(written.second, end);
    return reach == History::Reach::kLost || reach == History::Reach::kNotYet;
  });
  constexpr size_t kLeadersKept = 8;
  if (leaders_.size() == kLeadersKept) leaders_.erase(leaders_.begin());
  leaders_.push_back({history, end, unheard});
  std::optional<std::string> violation;
  std::erase_if(promised_, [&](const Promise& promise) {
    bool is_over = false;
    auto broken = Judge(promise, leaders_.back(), &is_over);
    if (broken.has_value()) violation = std::move(broken);
    return is_over;
  });
  return violation;
}

std::optional<Position> ShardTruth::LastWrittenBefore(Millis when) const {
  const auto after =
      std::lower_bound(written_.begin(), written_.end(), when,
                       [](const auto& written, Millis wanted) { return written.first < wanted; });
  if (after == written_.begin()) return std::nullopt;
  return std::prev(after)->second;
}

}  // namespace larder::simulation
