#include "storage/entry_log.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "storage/poison.h"

namespace larder::storage {
namespace {

// A segment is not worth copying for a smaller part of it.
constexpr uint64_t kDeadShareMin = 32;
// Of one search for a segment to copy: all of a stripe of some 100 MiB.
constexpr size_t kSegmentsLookedAt = 2048;
// How far apart in their queue two segments may be that are copied into one, if the order counts.
// Deaths differ from one segment to the next, and what has more of them costs less to copy.
constexpr int kNearSegments = 16;
// What looking at one record costs, as if it had that many bytes more.
constexpr size_t kLookBytes = 64;

// Before RandomLive counts.
constexpr int kTriesForRecord = 256;

static_assert(EntryPools::kBlockBytes / EntryPools::kPageBytes <= 64);

void AllocateParts(EntryPools& pools, Entry& entry, const Entry* replaced,
                   const ValueParts& shared) {
  const ValueParts parts = ValueParts::Of(entry.value_bytes());
  for (size_t i = 0; i < parts.blocks; ++i) {
    entry.set_part(i, i < shared.blocks ? replaced->part(i) : pools.blocks.Allocate());
  }
  if (parts.pages == 0) return;
  char* pages[64];
  for (size_t i = 0; i < shared.pages; ++i) pages[i] = replaced->part(parts.blocks + i);
  pools.pages.Allocate(parts.pages - shared.pages, pages + shared.pages);
  for (size_t i = 0; i < parts.pages; ++i) entry.set_part(parts.blocks + i, pages[i]);
}

void FreeParts(EntryPools& pools, const Entry& entry, const ValueParts& shared) {
  const ValueParts parts = ValueParts::Of(entry.value_bytes());
  for (size_t i = shared.blocks; i < parts.blocks; ++i) pools.blocks.Free(entry.part(i));
  if (parts.pages == shared.pages) return;
  char* pages[64];
  for (size_t i = shared.pages; i < parts.pages; ++i) pages[i] = entry.part(parts.blocks + i);
  pools.pages.Free(parts.pages - shared.pages, pages + shared.pages);
}

uint64_t ApartBytes(const Entry& entry) {
  return ValueParts::Of(entry.value_bytes()).apart_bytes();
}

}  // namespace

EntryLog::EntryLog(EntryPools* pools, size_t policy_bytes, bool keeps_order)
    : pools_(pools),
      segment_bytes_(pools->segments.unit_bytes()),
      offset_bits_(std::countr_zero(segment_bytes_)),
      policy_bytes_(policy_bytes),
      keeps_order_(keeps_order) {
  segments_.push_back(Segment());  // so that no id is 0
  bases_.push_back(nullptr);
}

EntryLog::~EntryLog() {
  for (SegmentId id = 1; id <= segment_ids(); ++id) {
    VisitLive(id, [this](EntryRef ref) {
      FreeParts(*pools_, *ref, {});
      return true;
    });
    if (is_in_use(id)) pools_->segments.Free(bases_[id]);
  }
}

uint64_t EntryLog::Charge(uint64_t live, uint64_t segments) const {
  if (segments == 0) return 0;
  const uint64_t physical = Physical(segments);
  return std::max(live + WasteMax(live), physical - std::min(physical, Grace(live)));
}

uint64_t EntryLog::BytesOf(const Entry& entry) const {
  return RecordBytes(entry) + ApartBytes(entry);
}

uint64_t EntryLog::AppendCost(const EntryShape& shape, bool is_pinned,
                              const Entry* replaced) const {
  const uint64_t record_bytes = shape.RecordBytes(policy_bytes_);
  const auto opens_in = [&](Queue queue) {
    return RoomFor(record_bytes, open_[static_cast<size_t>(queue)]) == 0;
  };
  // Whichever of its queues the policy chooses; only one that keeps the order has two.
  const bool opens = is_pinned
                         ? opens_in(Queue::kPinned)
                         : opens_in(Queue::kFirst) || (keeps_order_ && opens_in(Queue::kSecond));
  uint64_t live = live_bytes_ + record_bytes;
  uint64_t after = ValueParts::Of(shape.value_bytes).apart_bytes();
  uint64_t before = Charge(live_bytes_, segments_in_use_);
  if (replaced != nullptr) {
    live -= RecordBytes(*replaced);
    before += ApartBytes(*replaced);
  }
  after += Charge(live, segments_in_use_ + (opens ? 1 : 0));
  if (opens && unused_ == 0) after += segments_.growth_bytes() + kBaseBytes;
  return after > before ? after - before : 0;
}

EntryRef EntryLog::AppendInPlaceOf(const Entry* replaced, const ValueParts& shared, Queue queue,
                                   std::string_view key, uint32_t slot, const EntryShape& shape,
                                   TimePoint now) {
  const size_t record_bytes = shape.RecordBytes(policy_bytes_);
  const SegmentId id = SegmentFor(queue, record_bytes, now);
  const EntryRef ref = Extend(id, record_bytes, ValueParts::Of(shape.value_bytes).apart_bytes());
  std::memset(reinterpret_cast<char*>(ref.entry) - policy_bytes_, 0, policy_bytes_);
  Entry::Format(reinterpret_cast<char*>(ref.entry), key, slot, shape);
  AllocateParts(*pools_, *ref, replaced, shared);
  return ref;
}

EntryRef EntryLog::AppendCopy(Queue queue, EntryRef original, TimePoint now) {
  return CopyInto(SegmentFor(queue, RecordBytes(*original), now), original);
}

EntryRef EntryLog::CopyInto(SegmentId id, EntryRef original) {
  const size_t record_bytes = RecordBytes(*original);
  // The parts count twice until FreeMoved.
  const EntryRef copy = Extend(id, record_bytes, ApartBytes(*original));
  std::memcpy(reinterpret_cast<char*>(copy.entry) - policy_bytes_,
              reinterpret_cast<const char*>(original.entry) - policy_bytes_, record_bytes);
  NoteExpiry(copy.at, copy->expires_at());
  return copy;
}

EntryRef EntryLog::Extend(SegmentId id, size_t record_bytes, uint64_t apart_bytes) {
  Segment& segment = segments_[id];
  const size_t offset = segment.appended_bytes;
  Unpoison(bases_[id] + offset, record_bytes);
  segment.appended_bytes += static_cast<uint32_t>(record_bytes);
  segment.live_bytes += static_cast<uint32_t>(record_bytes);
  live_records_max_ = std::max(live_records_max_, ++segment.live_records);
  live_bytes_ += record_bytes;
  appended_bytes_ += record_bytes;
  apart_bytes_ += apart_bytes;
  queue_bytes_[static_cast<size_t>(segment.queue)] += record_bytes + apart_bytes;
  return RefIn(id, offset);
}

EntryLog::SegmentId EntryLog::SegmentFor(Queue queue, size_t record_bytes, TimePoint now) {
  Open& open = open_[static_cast<size_t>(queue)];
  SegmentId id = RoomFor(record_bytes, open);
  if (id == 0) {
    id = NewSegment(queue, now);
    Link(id, 0);
    Advance(open, id);
  } else if (segments_[id].appended_bytes == 0) {
    segments_[id].opened_at = now;
  }
  segments_[id].appended_at = now;
  return id;
}

bool EntryLog::IsOpen(SegmentId id) const {
  return std::any_of(open_.begin(), open_.end(),
                     [id](const Open& open) { return id == open.newest || id == open.before; });
}

bool EntryLog::IsNewestOpen(SegmentId id) const {
  return std::any_of(open_.begin(), open_.end(),
                     [id](const Open& open) { return id == open.newest; });
}

EntryLog::SegmentId EntryLog::RoomFor(size_t record_bytes, const Open& open) const {
  if (open.before != 0 && RoomIn(open.before) >= record_bytes) return open.before;
  return open.newest != 0 && RoomIn(open.newest) >= record_bytes ? open.newest : 0;
}

void EntryLog::Advance(Open& open, SegmentId next) {
  if (open.before == 0 || RoomIn(open.newest) > RoomIn(open.before)) {
    std::swap(open.newest, open.before);
  }
  Close(open.newest);
  open.newest = next;
}

void EntryLog::Close(Open& open) {
  Close(open.newest);
  Close(open.before);
}

void EntryLog::Close(SegmentId& open) {
  const SegmentId id = std::exchange(open, 0);
  if (id == 0) return;
  if (segments_[id].live_bytes == 0) {
    Release(id);
  } else {
    NoteSource(id);
  }
}

EntryLog::SegmentId EntryLog::NewSegment(Queue queue, TimePoint now) {
  SegmentId id = unused_;
  if (id != 0) {
    unused_ = segments_[id].newer;
  } else {
    // A location has no more bits.
    if (segments_.size() >> (Location::kBits - offset_bits_) != 0) throw std::bad_alloc();
    segments_.push_back(Segment());
    bases_.push_back(nullptr);
    id = segment_ids();
  }
  Segment& segment = segments_[id];
  segment = {};
  bases_[id] = pools_->segments.Allocate();
  Poison(bases_[id], segment_bytes_);
  segment.queue = queue;
  segment.opened_at = now;
  segment.swept_at = now;
  segment.earliest_expiry = kNever;
  ++segments_in_use_;
  return id;
}

void EntryLog::Link(SegmentId id, SegmentId newer) {
  Segment& segment = segments_[id];
  const auto queue = static_cast<size_t>(segment.queue);
  segment.newer = newer;
  segment.older = newer != 0 ? segments_[newer].older : newest_[queue];
  (segment.older != 0 ? segments_[segment.older].newer : oldest_[queue]) = id;
  (newer != 0 ? segments_[newer].older : newest_[queue]) = id;
}

void EntryLog::Release(SegmentId id) {
  Segment& segment = segments_[id];
  const auto queue = static_cast<size_t>(segment.queue);
  (segment.older != 0 ? segments_[segment.older].newer : oldest_[queue]) = segment.newer;
  (segment.newer != 0 ? segments_[segment.newer].older : newest_[queue]) = segment.older;
  if (compact_from_ == id) compact_from_ = 0;
  for (Open& open : open_) {
    if (open.before == id) open.before = 0;
  }
  pools_->segments.Free(std::exchange(bases_[id], nullptr));
  appended_bytes_ -= segment.appended_bytes;
  segment.appended_bytes = 0;
  segment.earliest_expiry = kNever;
  segment.newer = unused_;
  unused_ = id;
  --segments_in_use_;
}

void EntryLog::FreeReplaced(EntryRef ref, const ValueParts& shared) {
  const uint64_t apart = ApartBytes(*ref);
  if (apart > 0) FreeParts(*pools_, *ref, shared);
  FreeRecord(ref, apart);
}

void EntryLog::FreeMoved(EntryRef original) { FreeRecord(original, ApartBytes(*original)); }

void EntryLog::FreeRecord(EntryRef ref, uint64_t apart_bytes) {
  const size_t record_bytes = RecordBytes(*ref);
  const auto id = IdOf(ref.at);
  Segment& segment = segments_[id];
  ref->set_dead();
  apart_bytes_ -= apart_bytes;
  queue_bytes_[static_cast<size_t>(segment.queue)] -= record_bytes + apart_bytes;
  live_bytes_ -= record_bytes;
  segment.live_bytes -= static_cast<uint32_t>(record_bytes);
  --segment.live_records;
  if (segment.live_bytes > 0) {
    newly_dead_bytes_ += record_bytes;
    NoteSource(id);
  } else if (IsNewestOpen(id)) {
    appended_bytes_ -= segment.appended_bytes;
    segment.appended_bytes = 0;
    segment.evicted_bytes = 0;
    segment.earliest_expiry = kNever;
    Poison(bases_[id], segment_bytes_);
  } else {
    Release(id);
  }
  // A stripe without entries holds nothing.
  if (live_bytes_ == 0) {
    for (Open& open : open_) Close(open);
  }
}

void EntryLog::NoteExpiry(Location at, TimePoint expires_at) {
  Segment& segment = segments_[IdOf(at)];
  segment.earliest_expiry = std::min(segment.earliest_expiry, expires_at);
}

EntryRef EntryLog::After(EntryRef ref) const {
  const SegmentId id = IdOf(ref.at);
  const size_t next = OffsetOf(ref.at) + RecordBytes(*ref);
  return next < segments_[id].appended_bytes ? RefIn(id, next) : EntryRef();
}

EntryRef EntryLog::Oldest(Queue queue) {
  for (;;) {
    const SegmentId id = oldest_[static_cast<size_t>(queue)];
    if (id == 0) return {};
    Segment& segment = segments_[id];
    while (segment.evicted_bytes < segment.appended_bytes) {
      const EntryRef ref = RefIn(id, segment.evicted_bytes);
      if (!ref->dead()) return ref;
      segment.evicted_bytes += static_cast<uint32_t>(RecordBytes(*ref));
    }
    Open& compacted = compact_to(queue);
    if (id != compacted.newest) return {};  // the queue has one segment, open and empty
    Close(compacted);
  }
}

TimePoint EntryLog::OldestAppendedAt(Queue queue) const {
  const Segment& segment = segments_[oldest_[static_cast<size_t>(queue)]];
  if (segment.appended_bytes == 0) return segment.opened_at;
  // As if its records had come at a steady rate.
  const auto part = static_cast<double>(segment.evicted_bytes) / segment.appended_bytes;
  const auto took = static_cast<double>((segment.appended_at - segment.opened_at).count());
  return segment.opened_at + Millis(static_cast<int64_t>(part * took));
}

void EntryLog::VisitLive(SegmentId id, absl::FunctionRef<bool(EntryRef)> visit) {
  size_t offset = 0;
  while (offset < segments_[id].appended_bytes) {
    const EntryRef ref = RefIn(id, offset);
    offset += RecordBytes(*ref);
    if (!ref->dead() && !visit(ref)) return;
  }
}

EntryRef EntryLog::RandomLive(Random& random) {
  for (int i = 0; i < kTriesForRecord; ++i) {
    const auto id = static_cast<SegmentId>(1 + random.Below(segment_ids()));
    const uint64_t number = random.Below(live_records_max_);
    if (segments_[id].queue != Queue::kPinned && number < segments_[id].live_records) {
      return LiveRecord(id, number);
    }
  }
  // They are few, in all or among those that are pinned.
  uint64_t count = 0;
  SegmentId chosen = 0;
  for (const Queue queue : {Queue::kFirst, Queue::kSecond}) {
    for (SegmentId id = oldest_[static_cast<size_t>(queue)]; id != 0; id = segments_[id].newer) {
      count += segments_[id].live_records;
      if (count > 0 && random.Below(count) < segments_[id].live_records) chosen = id;
    }
  }
  return chosen == 0 ? EntryRef()
                     : LiveRecord(chosen, random.Below(segments_[chosen].live_records));
}

EntryRef EntryLog::LiveRecord(SegmentId id, uint64_t number) {
  EntryRef found;
  VisitLive(id, [&](EntryRef ref) {
    found = ref;
    return number-- > 0;
  });
  return found;
}

uint64_t EntryLog::TakeNewlyDead() {
  const uint64_t bytes = newly_dead_bytes_;
  newly_dead_bytes_ = 0;
  return bytes;
}

bool EntryLog::Compact(size_t bytes_max, absl::FunctionRef<void(EntryRef, SegmentId)> move) {
  size_t looked = 0;
  while (looked < bytes_max && wants_compaction()) {
    if (compact_from_ == 0 && !NextSource()) break;
    if (compact_offset_ >= segments_[compact_from_].appended_bytes) {
      compact_from_ = 0;
      continue;
    }
    const EntryRef ref = RefIn(compact_from_, compact_offset_);
    const size_t record_bytes = RecordBytes(*ref);
    compact_offset_ += record_bytes;
    looked += kLookBytes;
    if (ref->dead()) continue;
    looked += record_bytes;
    move(ref, SegmentToCompactInto(record_bytes));
  }
  return looked > 0 || wants_compaction();
}

bool EntryLog::MayCompact(SegmentId id) const {
  const Segment& segment = segments_[id];
  if (DeadBytes(segment) < segment_bytes_ / kDeadShareMin) return false;
  if (IsOpen(id)) return false;
  // The oldest is about to go.
  return !keeps_order_ || id != oldest_[static_cast<size_t>(segment.queue)];
}

EntryLog::SegmentId EntryLog::MostDead() {
  SegmentId best = 0;
  const size_t count = std::min<size_t>(segment_ids(), kSegmentsLookedAt);
  for (size_t i = 0; i < count; ++i) {
    compact_search_ = compact_search_ % segment_ids() + 1;
    if (!MayCompact(compact_search_)) continue;
    if (best == 0 || DeadBytes(segments_[compact_search_]) > DeadBytes(segments_[best])) {
      best = compact_search_;
    }
  }
  return best;
}

EntryLog::SegmentId EntryLog::FindNear(SegmentId id,
                                       absl::FunctionRef<bool(SegmentId)> fits) const {
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

EntryLog::SegmentId EntryLog::MostDeadNear(SegmentId id) const {
  SegmentId best = 0;
  uint64_t most = dead_bytes() / segments_in_use_;
  FindNear(id, [&](SegmentId near) {
    if (DeadBytes(segments_[near]) > most && MayCompact(near)) {
      best = near;
      most = DeadBytes(segments_[near]);
    }
    return false;
  });
  return best;
}

bool EntryLog::NextSource() {
  SegmentId source = 0;
  if (keeps_order_) {
    Open& to = compact_to(compact_queue_);
    if (to.newest != 0) source = MostDeadNear(to.newest);
    if (source == 0) Close(to);
  }
  if (source == 0) source = MostDead();
  if (source == 0) {
    fruitless_ += std::min<uint64_t>(segment_ids(), kSegmentsLookedAt);
    return false;
  }
  fruitless_ = 0;
  compact_from_ = source;
  compact_offset_ = 0;
  compact_queue_ = segments_[source].queue;
  return true;
}

EntryLog::SegmentId EntryLog::SegmentToCompactInto(size_t record_bytes) {
  const SegmentId from = compact_from_;
  Open& open = compact_to(compact_queue_);
  SegmentId to = RoomFor(record_bytes, open);
  if (to == 0) {
    if (keeps_order_) {
      // One that was closed early, when nothing near it was worth copying.
      to = FindNear(from, [&](SegmentId id) {
        return RoomIn(id) >= std::max(segment_bytes_ / 4, record_bytes) && !IsOpen(id);
      });
    }
    if (to == 0) {
      to = NewSegment(compact_queue_, segments_[from].opened_at);
      segments_[to].appended_at = segments_[from].appended_at;
      segments_[to].swept_at = segments_[from].swept_at;
      segments_[to].sweep_backoff = segments_[from].sweep_backoff;
      Link(to, from);
    }
    Advance(open, to);
  }
  // It is to be swept as soon as either would have been.
  segments_[to].swept_at = std::min(segments_[to].swept_at, segments_[from].swept_at);
  segments_[to].sweep_backoff =
      std::min(segments_[to].sweep_backoff, segments_[from].sweep_backoff);
  return to;
}

}  // namespace larder::storage
