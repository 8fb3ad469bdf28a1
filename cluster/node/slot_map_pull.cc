#include "cluster/node/slot_map_pull.h"

#include <memory>
#include <utility>

namespace larder::cluster {

void SlotMapPull::Tick(std::optional<NodeId> source) {
  if (!source.has_value()) {
    from_.reset();
    return;
  }
  if (from_.has_value() && core_->now < ask_again_at_) return;
  if (from_ != source) {
    from_ = source;
    version_ = 0;
    next_ = 0;
    runs_.clear();
  }
  ask_again_at_ = core_->now + core_->config.ask_again();
  core_->SendAtOnce(*from_, SlotMapRequest{version_, next_});
}

void SlotMapPull::OnRequest(const NodeId& from, const SlotMapRequest& message) {
  const SlotMap& map = *core_->slot_map;
  SlotMapPage page;
  page.version = map.version();
  // Of a map that is no more: from the beginning.
  page.from = message.version == map.version() && message.from < SlotMap::kSlots ? message.from : 0;
  page.to = SlotMap::kSlots;
  for (const SlotMap::Run& run : map.runs()) {
    if (run.first < page.from) continue;
    if (page.runs.size() == kRunsInPage) {
      page.to = run.first;
      break;
    }
    page.runs.push_back(run);
  }
  core_->SendAtOnce(from, std::move(page));
}

void SlotMapPull::OnPage(const NodeId& from, const SlotMapPage& message) {
  if (from != from_ || message.version <= core_->slot_map->version()) return;
  if (message.version != version_) {
    if (message.from != 0) return;
    version_ = message.version;
    next_ = 0;
    runs_.clear();
  }
  if (message.from != next_) return;
  runs_.insert(runs_.end(), message.runs.begin(), message.runs.end());
  next_ = message.to;
  if (next_ < SlotMap::kSlots) {
    ask_again_at_ = core_->now + core_->config.ask_again();
    core_->SendAtOnce(from, SlotMapRequest{version_, next_});
    return;
  }
  absl::StatusOr<SlotMap> map = SlotMap::Create(version_, std::exchange(runs_, {}));
  from_.reset();
  if (!map.ok()) return;
  core_->slot_map = std::make_shared<const SlotMap>(*std::move(map));
  core_->MustSave();
  core_->Tell(ClusterEvent::Kind::kSlotsChanged, from);
}

}  // namespace larder::cluster
