#include "storage/compactor.h"

#include <algorithm>

#include "storage/entry.h"

namespace larder::storage {
namespace {

// A segment is not worth copying for a smaller part of it.
constexpr uint64_t kDeadShareMin = 32;
// Bounds one search for a segment to copy: all of a stripe of some 100 MiB.
constexpr size_t kSegmentsLookedAt = 2048;
// What looking at one record costs, as if it had that many bytes more.
constexpr size_t kLookBytes = 64;

}  // namespace

CompactProgress Compactor::Compact(size_t bytes_max, CompactUrgency urgency, Move move) {
  size_t looked = 0;
  while (looked < bytes_max && IsDue(urgency)) {
    if (source_ == 0) {
      source_ = NextSource();
      if (source_ == 0) break;
    }
    if (source_offset_ >= segments_[source_].appended_bytes) {
      source_ = 0;
      continue;
    }
    const EntryRef ref = segments_.RefIn(source_, source_offset_);
    const size_t record_bytes = segments_.RecordBytes(*ref);
    looked += kLookBytes;
    if (!ref->dead()) {
      const SegmentId to = Destination(record_bytes);
      if (to == 0) return CompactProgress::kNone;
      looked += record_bytes;
      source_offset_ += record_bytes;
      move(ref, to);
    } else {
      source_offset_ += record_bytes;
    }
  }
  return looked > 0 || IsDue(urgency) ? CompactProgress::kSome : CompactProgress::kNone;
}

bool Compactor::MayCompact(SegmentId id) const {
  const Segment& segment = segments_[id];
  if (segment.dead_bytes() < segments_.segment_bytes() / kDeadShareMin) return false;
  if (segments_.IsOpen(id)) return false;
  // The oldest is about to go.
  return !keeps_order_ || id != segments_.oldest(segment.queue);
}

SegmentId Compactor::NextSource() {
  SegmentId source = 0;
  if (keeps_order_) {
    if (const SegmentId to = filling(source_queue_).newest; to != 0) source = MostDeadNear(to);
    // Deaths differ from one segment to the next, and what has more of them costs less to copy; so
    // the next may be anywhere.
    if (source == 0) StopFilling(source_queue_);
  }
  if (source == 0) source = MostDead();
  if (source == 0) {
    fruitless_ += std::min<uint64_t>(segments_.ids(), kSegmentsLookedAt);
    return 0;
  }
  fruitless_ = 0;
  source_offset_ = 0;
  source_queue_ = segments_[source].queue;
  return source;
}

SegmentId Compactor::MostDead() {
  SegmentId best = 0;
  const size_t count = std::min<size_t>(segments_.ids(), kSegmentsLookedAt);
  for (size_t i = 0; i < count; ++i) {
    search_ = search_ % segments_.ids() + 1;
    if (!MayCompact(search_)) continue;
    if (best == 0 || segments_[search_].dead_bytes() > segments_[best].dead_bytes()) {
      best = search_;
    }
  }
  return best;
}

SegmentId Compactor::MostDeadNear(SegmentId id) const {
  SegmentId best = 0;
  uint64_t most = segments_.usage().dead_bytes() / segments_.usage().segments;
  segments_.FindNear(id, [&](SegmentId near) {
    if (segments_[near].dead_bytes() > most && MayCompact(near)) {
      best = near;
      most = segments_[near].dead_bytes();
    }
    return false;
  });
  return best;
}

SegmentId Compactor::Destination(size_t record_bytes) {
  const SegmentId with_room = segments_.RoomFor(record_bytes, filling(source_queue_));
  const SegmentId id = with_room != 0 ? with_room : OpenDestination(record_bytes);
  if (id == 0) return 0;
  // It is to be swept as soon as either would have been.
  Segment& to = segments_[id];
  const Segment& from = segments_[source_];
  to.swept_at = std::min(to.swept_at, from.swept_at);
  to.sweep_backoff = std::min(to.sweep_backoff, from.sweep_backoff);
  return id;
}

SegmentId Compactor::OpenDestination(size_t record_bytes) {
  SegmentId id = 0;
  if (keeps_order_) {
    // One that was closed early, when nothing near it was worth copying.
    id = segments_.FindNear(source_, [&](SegmentId near) {
      return segments_.RoomIn(near) >= std::max(segments_.segment_bytes() / 4, record_bytes) &&
             !segments_.IsOpen(near);
    });
  }
  if (id == 0) {
    if (segments_.free_ids() == 0) return 0;
    id = segments_.Allocate(source_queue_, segments_[source_].opened_at);
    Segment& to = segments_[id];
    const Segment& from = segments_[source_];
    to.appended_at = from.appended_at;
    to.swept_at = from.swept_at;
    to.sweep_backoff = from.sweep_backoff;
    segments_.Link(id, source_);
  }
  NoteSource(segments_.Advance(filling(source_queue_), id));
  return id;
}

void Compactor::StopFilling(LogQueue queue) {
  SegmentList::Open& open = filling(queue);
  NoteSource(segments_.Close(open.newest));
  NoteSource(segments_.Close(open.before));
}

}  // namespace larder::storage
