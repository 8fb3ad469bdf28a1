#include "storage/entry_log.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace larder::storage {
namespace {

// How often RandomLive tries its luck before it counts.
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
  if (shared.count() == parts.count()) return;
  if (shared.count() == 0 && pools.shared.TakeOver(entry)) return;
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

EntryLog::EntryLog(EntryPools* pools, const EntryLogOptions& options)
    : pools_(pools),
      options_(options),
      segments_(&pools->segments, options.policy_bytes, options.segments_max),
      charge_(segments_.segment_bytes()),
      live_bytes_max_(RecordBytesMax(options.segments_max, segments_.segment_bytes())),
      short_from_(ShortFrom(segments_.ids_max())),
      compactor_(&segments_, charge_, options.keeps_order) {}

EntryLog::~EntryLog() {
  for (SegmentId id = 1; id <= segment_ids(); ++id) {
    VisitLive(id, [this](EntryRef ref) {
      FreeParts(*pools_, *ref, {});
      return true;
    });
  }
}

bool EntryLog::IsShared(const Entry& entry) const { return pools_->shared.IsShared(entry); }

uint64_t EntryLog::BytesOf(const Entry& entry) const {
  return segments_.RecordBytes(entry) + ApartBytes(entry);
}

uint64_t EntryLog::AppendCost(const EntryShape& shape, bool is_pinned,
                              const Entry* replaced) const {
  const uint64_t record_bytes = shape.RecordBytes(options_.policy_bytes);
  // Whichever of its queues the policy chooses; only one that keeps the order has two.
  const bool opens = is_pinned
                         ? OpensSegment(Queue::kPinned, record_bytes)
                         : OpensSegment(Queue::kFirst, record_bytes) ||
                               (options_.keeps_order && OpensSegment(Queue::kSecond, record_bytes));
  const LogUsage& usage = segments_.usage();
  uint64_t live = usage.live_bytes + record_bytes;
  uint64_t after = ValueParts::Of(shape.value_bytes).apart_bytes();
  uint64_t before = charge_.Bytes(usage);
  if (replaced != nullptr) {
    live -= segments_.RecordBytes(*replaced);
    before += ApartBytes(*replaced);
  }
  after += charge_.Bytes(live, usage.segments + (opens ? 1 : 0));
  if (opens) after += segments_.growth_bytes();
  return after > before ? after - before : 0;
}

uint64_t EntryLog::unpinned_charge_bytes() const {
  const uint64_t charge = charge_.Bytes(segments_.usage()) + apart_bytes_;
  if (queue_bytes(Queue::kPinned) == 0) return charge;
  return std::min(charge, queue_bytes(Queue::kFirst) + queue_bytes(Queue::kSecond));
}

uint64_t EntryLog::AppendCostAlone(const EntryShape& shape) const {
  const uint64_t pinned = queue_bytes(Queue::kPinned);
  const uint64_t live = pinned + shape.RecordBytes(options_.policy_bytes);
  const uint64_t before = pinned == 0 ? 0 : charge_.Bytes(pinned, /*segments=*/1);
  return charge_.Bytes(live, /*segments=*/1) - before +
         ValueParts::Of(shape.value_bytes).apart_bytes() + segments_.growth_bytes();
}

EntryRef EntryLog::AppendInPlaceOf(const Entry* replaced, const ValueParts& shared, Queue queue,
                                   std::string_view key, uint32_t slot, const EntryShape& shape,
                                   TimePoint now) {
  const size_t policy_bytes = options_.policy_bytes;
  const size_t record_bytes = shape.RecordBytes(policy_bytes);
  const SegmentId id = SegmentFor(queue, record_bytes, now);
  const EntryRef ref = Extend(id, record_bytes, ValueParts::Of(shape.value_bytes).apart_bytes());
  std::memset(reinterpret_cast<char*>(ref.entry) - policy_bytes, 0, policy_bytes);
  Entry::Format(reinterpret_cast<char*>(ref.entry), key, slot, shape);
  AllocateParts(*pools_, *ref, replaced, shared);
  return ref;
}

EntryRef EntryLog::AppendCopy(Queue queue, EntryRef original, TimePoint now) {
  return CopyInto(SegmentFor(queue, segments_.RecordBytes(*original), now), original);
}

EntryRef EntryLog::CopyInto(SegmentId id, EntryRef original) {
  const size_t policy_bytes = options_.policy_bytes;
  const size_t record_bytes = segments_.RecordBytes(*original);
  // The parts count twice until FreeMoved.
  const EntryRef copy = Extend(id, record_bytes, ApartBytes(*original));
  std::memcpy(reinterpret_cast<char*>(copy.entry) - policy_bytes,
              reinterpret_cast<const char*>(original.entry) - policy_bytes, record_bytes);
  NoteExpiry(copy.at, copy->expires_at());
  return copy;
}

EntryRef EntryLog::Extend(SegmentId id, size_t record_bytes, uint64_t apart_bytes) {
  const EntryRef ref = segments_.Extend(id, record_bytes);
  const Segment& segment = segments_[id];
  live_records_max_ = std::max(live_records_max_, segment.live_records);
  apart_bytes_ += apart_bytes;
  queue_bytes_[static_cast<size_t>(segment.queue)] += record_bytes + apart_bytes;
  return ref;
}

EntryLog::SegmentId EntryLog::SegmentFor(Queue queue, size_t record_bytes, TimePoint now) {
  SegmentList::Open& open = segments_.open(SegmentList::Filler::kWriter, queue);
  SegmentId id = segments_.RoomFor(record_bytes, open);
  if (id == 0) {
    id = segments_.Allocate(queue, now);
    segments_.Link(id, 0);
    compactor_.NoteSource(segments_.Advance(open, id));
  } else if (segments_[id].appended_bytes == 0) {
    segments_[id].opened_at = now;
  }
  segments_[id].appended_at = now;
  return id;
}

void EntryLog::FreeReplaced(EntryRef ref, const ValueParts& shared) {
  const uint64_t apart = ApartBytes(*ref);
  if (apart > 0) FreeParts(*pools_, *ref, shared);
  FreeRecord(ref, apart);
}

void EntryLog::FreeMoved(EntryRef original) { FreeRecord(original, ApartBytes(*original)); }

void EntryLog::FreeRecord(EntryRef ref, uint64_t apart_bytes) {
  const size_t record_bytes = segments_.RecordBytes(*ref);
  const SegmentId id = segments_.IdOf(ref.at);
  const Segment& segment = segments_[id];
  ref->set_dead();
  apart_bytes_ -= apart_bytes;
  queue_bytes_[static_cast<size_t>(segment.queue)] -= record_bytes + apart_bytes;
  segments_.CountDeath(id, record_bytes);
  if (segment.live_bytes > 0) {
    newly_dead_bytes_ += record_bytes;
    compactor_.NoteSource(id);
  } else if (segments_.IsNewestOpen(id)) {
    segments_.Restart(id);
  } else {
    compactor_.Forget(id);
    segments_.Release(id);
  }
  // A stripe without entries holds nothing.
  if (segments_.usage().live_bytes == 0) segments_.ReleaseOpen();
}

void EntryLog::NoteExpiry(Location at, TimePoint expires_at) {
  Segment& segment = segments_[segments_.IdOf(at)];
  segment.earliest_expiry = std::min(segment.earliest_expiry, expires_at);
}

EntryRef EntryLog::After(EntryRef ref) const {
  const SegmentId id = segments_.IdOf(ref.at);
  const size_t next = segments_.OffsetOf(ref.at) + segments_.RecordBytes(*ref);
  return next < segments_[id].appended_bytes ? segments_.RefIn(id, next) : EntryRef();
}

EntryRef EntryLog::Oldest(Queue queue) {
  for (;;) {
    const SegmentId id = segments_.oldest(queue);
    if (id == 0) return {};
    Segment& segment = segments_[id];
    while (segment.evicted_bytes < segment.appended_bytes) {
      const EntryRef ref = segments_.RefIn(id, segment.evicted_bytes);
      if (!ref->dead()) return ref;
      segment.evicted_bytes += static_cast<uint32_t>(segments_.RecordBytes(*ref));
    }
    // Else the queue has one segment, open and empty.
    if (id != segments_.open(SegmentList::Filler::kCompactor, queue).newest) return {};
    compactor_.StopFilling(queue);
  }
}

TimePoint EntryLog::OldestAppendedAt(Queue queue) const {
  const Segment& segment = segments_[segments_.oldest(queue)];
  if (segment.appended_bytes == 0) return segment.opened_at;
  // Taken as if its records had come at a steady rate.
  const auto part = static_cast<double>(segment.evicted_bytes) / segment.appended_bytes;
  const auto took = static_cast<double>((segment.appended_at - segment.opened_at).count());
  return segment.opened_at + Millis(static_cast<int64_t>(part * took));
}

void EntryLog::VisitLive(SegmentId id, absl::FunctionRef<bool(EntryRef)> visit) {
  size_t offset = 0;
  while (offset < segments_[id].appended_bytes) {
    const EntryRef ref = segments_.RefIn(id, offset);
    offset += segments_.RecordBytes(*ref);
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
    for (SegmentId id = segments_.oldest(queue); id != 0; id = segments_[id].newer) {
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

uint64_t EntryLog::TakeNewlyDead() { return std::exchange(newly_dead_bytes_, 0); }

}  // namespace larder::storage
