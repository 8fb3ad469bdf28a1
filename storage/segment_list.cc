#include "storage/segment_list.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "storage/poison.h"

namespace larder::storage {
namespace {

// How far apart in their queue two segments may be that count as near.
constexpr int kNearSegments = 16;

}  // namespace

SegmentList::SegmentList(UnitPool* pool, size_t policy_bytes, SegmentId ids_max)
    : pool_(pool),
      segment_bytes_(pool->unit_bytes()),
      offset_bits_(std::countr_zero(segment_bytes_)),
      policy_bytes_(policy_bytes),
      ids_max_(std::min(ids_max, IdsMax(segment_bytes_))) {
  segments_.push_back(Segment());  // so that no id is 0
  bases_.push_back(nullptr);
}

SegmentList::~SegmentList() {
  for (char* const base : bases_) {
    if (base != nullptr) pool_->Free(base);
  }
}

SegmentId SegmentList::FindNear(SegmentId id, absl::FunctionRef<bool(SegmentId)> fits) const {
  SegmentId older = segments_[id].older;
  SegmentId newer = segments_[id].newer;
  for (int i = 0; i < kNearSegments; ++i) {
    if (older != 0 && fits(older)) return older;
    if (newer != 0 && fits(newer)) return newer;
    older = segments_[older].older;
    newer = segments_[newer].newer;
  }
  return 0;
}

EntryRef SegmentList::Extend(SegmentId id, size_t record_bytes) {
  Segment& segment = segments_[id];
  const size_t offset = segment.appended_bytes;
  Unpoison(bases_[id] + offset, record_bytes);
  segment.appended_bytes += static_cast<uint32_t>(record_bytes);
  segment.live_bytes += static_cast<uint32_t>(record_bytes);
  ++segment.live_records;
  usage_.live_bytes += record_bytes;
  usage_.appended_bytes += record_bytes;
  return RefIn(id, offset);
}

void SegmentList::CountDeath(SegmentId id, size_t record_bytes) {
  Segment& segment = segments_[id];
  segment.live_bytes -= static_cast<uint32_t>(record_bytes);
  --segment.live_records;
  usage_.live_bytes -= record_bytes;
}

SegmentId SegmentList::RoomFor(size_t record_bytes, const Open& open) const {
  if (open.before != 0 && RoomIn(open.before) >= record_bytes) return open.before;
  return open.newest != 0 && RoomIn(open.newest) >= record_bytes ? open.newest : 0;
}

bool SegmentList::IsOpen(SegmentId id) const {
  for (const auto& of_filler : open_) {
    for (const Open& open : of_filler) {
      if (id == open.newest || id == open.before) return true;
    }
  }
  return false;
}

bool SegmentList::IsNewestOpen(SegmentId id) const {
  for (const auto& of_filler : open_) {
    for (const Open& open : of_filler) {
      if (id == open.newest) return true;
    }
  }
  return false;
}

SegmentId SegmentList::Advance(Open& open, SegmentId next) {
  if (open.before == 0 || RoomIn(open.newest) > RoomIn(open.before)) {
    std::swap(open.newest, open.before);
  }
  const SegmentId closed = Close(open.newest);
  open.newest = next;
  return closed;
}

SegmentId SegmentList::Close(SegmentId& open) {
  const SegmentId id = std::exchange(open, 0);
  if (id == 0 || segments_[id].live_bytes > 0) return id;
  Release(id);
  return 0;
}

SegmentId SegmentList::Allocate(LogQueue queue, TimePoint now) {
  SegmentId id = unused_;
  if (id != 0) {
    unused_ = segments_[id].newer;
  } else {
    segments_.push_back(Segment());
    bases_.push_back(nullptr);
    id = ids();
  }
  Segment& segment = segments_[id];
  segment = {};
  bases_[id] = pool_->Allocate();
  Poison(bases_[id], segment_bytes_);
  segment.queue = queue;
  segment.opened_at = now;
  segment.swept_at = now;
  segment.earliest_expiry = kNever;
  ++usage_.segments;
  return id;
}

void SegmentList::Link(SegmentId id, SegmentId newer) {
  Segment& segment = segments_[id];
  const auto queue = static_cast<size_t>(segment.queue);
  segment.newer = newer;
  segment.older = newer != 0 ? segments_[newer].older : newest_[queue];
  (segment.older != 0 ? segments_[segment.older].newer : oldest_[queue]) = id;
  (newer != 0 ? segments_[newer].older : newest_[queue]) = id;
}

void SegmentList::Restart(SegmentId id) {
  Segment& segment = segments_[id];
  usage_.appended_bytes -= segment.appended_bytes;
  segment.appended_bytes = 0;
  segment.evicted_bytes = 0;
  segment.earliest_expiry = kNever;
  Poison(bases_[id], segment_bytes_);
}

void SegmentList::Release(SegmentId id) {
  Segment& segment = segments_[id];
  const auto queue = static_cast<size_t>(segment.queue);
  (segment.older != 0 ? segments_[segment.older].newer : oldest_[queue]) = segment.newer;
  (segment.newer != 0 ? segments_[segment.newer].older : newest_[queue]) = segment.older;
  for (auto& of_filler : open_) {
    for (Open& open : of_filler) {
      if (open.before == id) open.before = 0;
    }
  }
  pool_->Free(std::exchange(bases_[id], nullptr));
  usage_.appended_bytes -= segment.appended_bytes;
  segment.appended_bytes = 0;
  segment.earliest_expiry = kNever;
  segment.newer = unused_;
  unused_ = id;
  --usage_.segments;
}

void SegmentList::ReleaseOpen() {
  for (auto& of_filler : open_) {
    for (Open& open : of_filler) {
      for (SegmentId* const id : {&open.newest, &open.before}) {
        if (const SegmentId released = std::exchange(*id, 0); released != 0) Release(released);
      }
    }
  }
}

}  // namespace larder::storage
