#include "tests/simulation/cluster/cluster_stage.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace larder::simulation {

using cluster::ClusterEvent;
using cluster::ShardId;

ClusterStage::ClusterStage(WorldOptions options) : world_(std::move(options)) {
  world_.set_on_event([this](size_t node, const ClusterEvent& event) {
    seen_.push_back({world_.events().now(), node, event});
  });
}

bool ClusterStage::Begin() {
  world_.Start();
  if (!world_.RunUntil([this] { return world_.IsServed() && AllWhole(); }, Millis(20000))) {
    return false;
  }
  world_.Run(Millis(3000));
  return true;
}

size_t ClusterStage::Count(ClusterEvent::Kind kind, Millis from, std::optional<size_t> by) const {
  return static_cast<size_t>(std::count_if(seen_.begin(), seen_.end(), [&](const Seen& one) {
    return one.event.kind == kind && one.at >= from && (!by.has_value() || one.node == *by);
  }));
}

const ClusterStage::Seen* ClusterStage::First(ClusterEvent::Kind kind, Millis from,
                                              size_t by) const {
  const auto at = std::find_if(seen_.begin(), seen_.end(), [&](const Seen& one) {
    return one.event.kind == kind && one.at >= from && one.node == by;
  });
  return at == seen_.end() ? nullptr : &*at;
}

bool ClusterStage::AllAgree() {
  std::optional<uint64_t> digest;
  for (size_t node = 0; node < world_.size(); ++node) {
    if (!world_.process(node).is_running()) continue;
    if (!digest.has_value()) digest = TableOf(node).digest();
    if (TableOf(node).digest() != *digest) return false;
  }
  return true;
}

bool ClusterStage::IsWhole(ShardId shard) {
  const std::optional<size_t> acting = world_.Acting(shard);
  if (!acting.has_value()) return false;
  const auto at = TableOf(*acting).shards().find(shard);
  if (at == TableOf(*acting).shards().end()) return false;
  for (const size_t node : world_.NodesOf(shard)) {
    const bool counts = node != *acting && world_.process(node).is_running();
    if (!counts) continue;
    if (!at->second.value.IsAble(world_.process(node).id())) return false;
    if (world_.options().has_data &&
        world_.node(node).position() != world_.node(*acting).position())
      return false;
  }
  return true;
}

bool ClusterStage::AllWhole() {
  for (uint32_t shard = 0; shard < world_.options().shards; ++shard) {
    if (!IsWhole(ShardId(shard))) return false;
  }
  return true;
}

void ClusterStage::BlockBoth(size_t one, size_t other) {
  world_.Block(one, other);
  world_.Block(other, one);
}

void ClusterStage::Isolate(size_t node) {
  for (size_t other = 0; other < world_.size(); ++other) {
    if (other != node) BlockBoth(node, other);
  }
}

bool ClusterStage::Write(size_t node, const std::string& key, size_t replicas) {
  ModelRecord record;
  record.key = key;
  record.slot = ModelKeyspace::SlotOf(key);
  record.value = absl::StrCat("v", ++writes_);
  return world_.node(node).Write(record, replicas);
}

void ClusterStage::Load(ShardId shard, Millis every, size_t replicas) {
  last_taken_ = now();
  LoadNext(shard, every, replicas);
}

void ClusterStage::LoadNext(ShardId shard, Millis every, size_t replicas) {
  const std::optional<size_t> acting = world_.Acting(shard);
  if (acting.has_value() && Write(*acting, absl::StrCat("k", writes_ % 10), replicas)) {
    ++writes_taken_;
    longest_gap_ = std::max(longest_gap_, now() - last_taken_);
    last_taken_ = now();
  }
  world_.events().After(every,
                        [this, shard, every, replicas] { LoadNext(shard, every, replicas); });
}

Millis ClusterStage::TakeLongestGap() {
  const Millis gap = std::max(longest_gap_, now() - last_taken_);
  longest_gap_ = Millis(0);
  last_taken_ = now();
  return gap;
}

}  // namespace larder::simulation
