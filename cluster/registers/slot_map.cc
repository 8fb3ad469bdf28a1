#include "cluster/registers/slot_map.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace larder::cluster {
namespace {

void Append(const SlotMap::Run& run, std::vector<SlotMap::Run>* runs) {
  if (!runs->empty() && runs->back().shard == run.shard) return;
  runs->push_back(run);
}

}  // namespace

absl::StatusOr<SlotMap> SlotMap::Create(uint64_t version, std::vector<Run> runs) {
  if (runs.empty() || runs.front().first != 0) {
    return absl::InvalidArgumentError("slot map: the first run does not begin at slot 0");
  }
  SlotMap map;
  map.version_ = version;
  map.runs_.clear();
  for (size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].first >= kSlots || (i > 0 && runs[i].first <= runs[i - 1].first)) {
      return absl::InvalidArgumentError(absl::StrCat("slot map: run ", i, " begins at ",
                                                     runs[i].first, ", not between the one before",
                                                     " and ", kSlots - 1));
    }
    Append(runs[i], &map.runs_);
  }
  return map;
}

SlotMap SlotMap::Even(uint64_t version, uint32_t shards) {
  SlotMap map;
  map.version_ = version;
  map.runs_.clear();
  for (uint32_t i = 0; i < shards; ++i) {
    // As even as can be: the product has no remainder to lose.
    map.runs_.push_back({static_cast<uint32_t>(uint64_t{kSlots} * i / shards), ShardId(i)});
  }
  return map;
}

std::optional<ShardId> SlotMap::ShardOf(uint32_t slot) const {
  const auto after = std::upper_bound(runs_.begin(), runs_.end(), slot,
                                      [](uint32_t at, const Run& run) { return at < run.first; });
  return std::prev(after)->shard;
}

SlotMap SlotMap::With(uint32_t first, uint32_t last, std::optional<ShardId> shard) const {
  SlotMap map;
  map.version_ = version_ + 1;
  map.runs_.clear();
  for (const Run& run : runs_) {
    if (run.first < first) Append(run, &map.runs_);
  }
  Append({first, shard}, &map.runs_);
  if (last + 1 < kSlots) {
    Append({last + 1, ShardOf(last + 1)}, &map.runs_);
    for (const Run& run : runs_) {
      if (run.first > last + 1) Append(run, &map.runs_);
    }
  }
  return map;
}

uint32_t SlotMap::SlotsOf(ShardId shard) const {
  uint32_t slots = 0;
  for (size_t i = 0; i < runs_.size(); ++i) {
    if (runs_[i].shard != shard) continue;
    slots += (i + 1 < runs_.size() ? runs_[i + 1].first : kSlots) - runs_[i].first;
  }
  return slots;
}

}  // namespace larder::cluster
