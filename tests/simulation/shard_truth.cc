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

void ShardTruth::OnAcknowledged(const Position& position, Millis written, size_t replicas) {
  if (promises_) {
    Promise promise{position, replicas, {}};
    for (const auto& [when, node] : losses_) {
      if (when >= written) promise.lost.insert(node);
    }
    promised_.push_back(std::move(promise));
  }
  ++acknowledged_;
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
  std::optional<std::string> violation;
  std::erase_if(promised_, [&](const Promise& promise) {
    const History::Reach reach = history.Reached(promise.position, end);
    if (reach == History::Reach::kReached) return false;
    // Long ago, and the primary since then had it: its epoch was forgotten.
    if (reach == History::Reach::kUnknown) return true;
    std::set<size_t> gone = promise.lost;
    gone.insert(unheard.begin(), unheard.end());
    if (gone.size() <= promise.replicas) {
      violation = absl::StrCat("a write up to ", promise.position.ToText(), ", acknowledged by ",
                               promise.replicas, " replicas, is lost with ", gone.size(), " nodes");
    }
    return true;
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
