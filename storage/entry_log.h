#ifndef LARDER_STORAGE_ENTRY_LOG_H_
#define LARDER_STORAGE_ENTRY_LOG_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "storage/compactor.h"
#include "storage/entry.h"
#include "storage/location.h"
#include "storage/log_charge.h"
#include "storage/random.h"
#include "storage/segment.h"
#include "storage/segment_list.h"
#include "storage/time.h"
#include "storage/unit_pool.h"

namespace larder::storage {

struct EntryLogOptions {
  size_t policy_bytes = 0;   // kept in front of each entry
  bool keeps_order = false;  // Compact leaves the records of a queue in their order, about
  // How many segments there may be, if a Location has bits for more.
  SegmentId segments_max = std::numeric_limits<SegmentId>::max();
};

// The records of one stripe in log-structured segments: a record is appended to the newest segment
// of its queue, or to the one before if it fits there; a dead one waits until its segment is
// reclaimed, whole, when nothing lives in it or when Compact has copied what does. Segments of a
// queue stand in the order of age, and so, about, do the records in them.
// Not thread-safe. Sizes in bytes.
//
// After the log-structured memory of RAMCloud (Rumble, Kejriwal, Ousterhout, FAST 2014) and the
// segment chains of Segcache (Yang, Yue, Vinayak, NSDI 2021).
class EntryLog {
 public:
  using SegmentId = storage::SegmentId;
  using Segment = storage::Segment;
  using Queue = LogQueue;

  // `pools` must outlive the log.
  EntryLog(EntryPools* pools, const EntryLogOptions& options);
  ~EntryLog();
  EntryLog(const EntryLog&) = delete;
  EntryLog& operator=(const EntryLog&) = delete;

  // The most bytes of live records that a log of this many segments takes in before it is crowded.
  static uint64_t RecordBytesMax(SegmentId segments_max, size_t segment_bytes) {
    const uint64_t segments = std::min(segments_max, SegmentList::IdsMax(segment_bytes));
    return (segments - segments / kSpareShare) * segment_bytes;
  }
  // True if so few segments are left that what is wasted should be reclaimed.
  bool is_short_of_segments() const { return segments_.usage().segments >= short_from_; }
  // True if records must go before more may come: they are as many as there may be, or segments are
  // nearly used up all the same, since much is dead or little fits. What is left is for Compact,
  // and for what must be appended to let others go. Never true if it is not short of segments.
  bool is_crowded() const {
    return is_short_of_segments() &&
           (segments_.usage().live_bytes > live_bytes_max_ || segments_.free_ids() <= kReservedIds);
  }
  // True if an Append or AppendCopy may have no segment to go to, and must not be made.
  bool is_out_of_segments() const { return segments_.free_ids() == 0; }

  // A new record: header and key are there, the value is not initialised, the policy's bytes are 0.
  EntryRef Append(Queue queue, std::string_view key, uint32_t slot, const EntryShape& shape,
                  TimePoint now) {
    return AppendInPlaceOf(nullptr, {}, queue, key, slot, shape, now);
  }
  // A new record with these parts of the value taken over from another, which is to be freed by
  // FreeReplaced.
  EntryRef AppendInPlaceOf(const Entry* replaced, const ValueParts& shared, Queue queue,
                           std::string_view key, uint32_t slot, const EntryShape& shape,
                           TimePoint now);
  // A copy of the record as the newest of a queue (REQUIRES: not out of segments), or in the
  // segment that Compact asks for; the parts of the value belong to the copy. The original is to be
  // freed by FreeMoved.
  EntryRef AppendCopy(Queue queue, EntryRef original, TimePoint now);
  EntryRef CopyInto(SegmentId segment, EntryRef original);

  // Frees a record: each of these voids references into its segment.
  void Free(EntryRef ref) { FreeReplaced(ref, {}); }
  void FreeReplaced(EntryRef ref, const ValueParts& shared);
  void FreeMoved(EntryRef original);

  EntryRef At(Location at) const { return segments_.At(at); }
  // The record behind this one in its segment, if there is one; it may be dead.
  EntryRef After(EntryRef ref) const;
  // Says that a live record expires at this time.
  void NoteExpiry(Location at, TimePoint expires_at);

  // The oldest live record of a queue, to about a segment, and about when it was appended.
  EntryRef Oldest(Queue queue);
  TimePoint OldestAppendedAt(Queue queue) const;
  Queue QueueOf(Location at) const { return segments_[segments_.IdOf(at)].queue; }

  // Copies live records out of segments with many dead ones while more is wasted than should be, or
  // than can be helped if it is crowded; looks at about `bytes_max` of records. move(original,
  // segment) must CopyInto and FreeMoved.
  [[nodiscard]] CompactProgress Compact(size_t bytes_max, Compactor::Move move) {
    const bool is_urgent = segments_.free_ids() <= kReservedIds;
    return compactor_.Compact(
        bytes_max, is_urgent ? CompactUrgency::kNow : CompactUrgency::kWhenWorthIt, move);
  }
  // How much the segments waste, as far as Compact can help it.
  Waste waste() const { return compactor_.waste(); }
  bool wants_compaction() const { return waste() != Waste::kTolerable; }
  // Bytes that have died since the last call in segments that live on.
  uint64_t TakeNewlyDead();

  uint64_t segments_in_use() const { return segments_.usage().segments; }
  // Segments are numbered from 1 to segment_ids(); some may not be in use.
  SegmentId segment_ids() const { return segments_.ids(); }
  Segment& segment(SegmentId id) { return segments_[id]; }
  bool is_in_use(SegmentId id) const { return segments_.is_in_use(id); }
  // One of the live records that are not pinned, uniformly at random; none if there is none.
  EntryRef RandomLive(Random& random);
  // Calls visit(EntryRef) for the live records of a segment. `visit` may free that record; returns
  // false to stop.
  void VisitLive(SegmentId id, absl::FunctionRef<bool(EntryRef)> visit);

  // What the stripe is charged for (see LogCharge), values apart and indexes included.
  uint64_t charged_bytes() const {
    return charge_.Bytes(segments_.usage()) + apart_bytes_ + segments_.index_bytes();
  }
  // By how much charged_bytes rises, at most, with a record like this in place of `replaced`, or
  // with a new one when that is nullptr.
  uint64_t AppendCost(const EntryShape& shape, bool is_pinned, const Entry* replaced) const;
  // By how much at least charged_bytes falls when all records go that are not pinned, and what a
  // record like this adds at most to what is left then.
  uint64_t unpinned_charge_bytes() const;
  uint64_t AppendCostAlone(const EntryShape& shape) const;
  // Records and parts that are alive, by queue and in all.
  uint64_t queue_bytes(Queue queue) const { return queue_bytes_[static_cast<size_t>(queue)]; }
  uint64_t live_bytes() const { return segments_.usage().live_bytes + apart_bytes_; }
  // What of the segments is not alive, and the part of it that Compact can win back.
  uint64_t wasted_bytes() const { return charge_.WastedBytes(segments_.usage()); }
  uint64_t dead_bytes() const { return segments_.usage().dead_bytes(); }
  // True if the mutation log has the value of this entry as it is, so that nothing of it may be
  // written over or given to another record, but all of it.
  bool IsShared(const Entry& entry) const;
  // What Free would take from live_bytes().
  uint64_t BytesOf(const Entry& entry) const;

 private:
  static constexpr uint64_t ShortFrom(SegmentId ids_max) {
    const SegmentId spare = ids_max / kSpareShare + kReservedIds;
    return ids_max - std::min(ids_max, spare);
  }
  // Whether an Append of a record of this size to the queue needs a new segment.
  bool OpensSegment(Queue queue, uint64_t record_bytes) const {
    return segments_.RoomFor(record_bytes, segments_.open(SegmentList::Filler::kWriter, queue)) ==
           0;
  }
  // The segment of the queue that takes the next record of this size.
  SegmentId SegmentFor(Queue queue, size_t record_bytes, TimePoint now);
  // A new live record, which is not initialised, with so many bytes apart.
  EntryRef Extend(SegmentId id, size_t record_bytes, uint64_t apart_bytes);
  // REQUIRES: the segment has more live records than `number`.
  EntryRef LiveRecord(SegmentId id, uint64_t number);
  void FreeRecord(EntryRef ref, uint64_t apart_bytes);

  // The share of all segments, beside the live records, that is more than may be dead before
  // Compact helps.
  static constexpr SegmentId kSpareShare = 16;
  static constexpr SegmentId kReservedIds = 8;

  EntryPools* const pools_;
  const EntryLogOptions options_;
  SegmentList segments_;
  const LogCharge charge_;
  const uint64_t live_bytes_max_;
  const uint64_t short_from_;  // so many segments in use
  Compactor compactor_;
  uint64_t apart_bytes_ = 0;
  std::array<uint64_t, kLogQueues> queue_bytes_{};
  uint64_t newly_dead_bytes_ = 0;
  uint32_t live_records_max_ = 1;  // of a segment, ever
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_ENTRY_LOG_H_
