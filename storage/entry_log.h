#ifndef LARDER_STORAGE_ENTRY_LOG_H_
#define LARDER_STORAGE_ENTRY_LOG_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "storage/chunked_array.h"
#include "storage/entry.h"
#include "storage/location.h"
#include "storage/random.h"
#include "storage/time.h"
#include "storage/unit_pool.h"

namespace larder::storage {

// The records of one stripe in log-structured segments: a record is appended to the newest segment
// of its queue, or to the one before if it fits there; a dead one waits until its segment is
// reclaimed, whole, when nothing lives in it or when Compact has copied what does. Segments of a
// queue stand in the order of age, and so, about, do the records in them. Not thread-safe. Sizes in
// bytes.
//
// After the log-structured memory of RAMCloud (Rumble, Kejriwal, Ousterhout, FAST 2014) and the
// segment chains of Segcache (Yang, Yue, Vinayak, NSDI 2021).
class EntryLog {
 public:
  using SegmentId = uint32_t;  // 0 is none
  // The first two are the policy's; what may not be evicted is in the third.
  enum class Queue : uint8_t { kFirst, kSecond, kPinned };

  struct Segment {
    uint32_t appended_bytes;
    uint32_t live_bytes;
    uint32_t live_records;
    uint32_t evicted_bytes;  // all records before this offset are dead
    SegmentId older;
    SegmentId newer;  // also: the next unused id
    Queue queue;
    TimePoint opened_at;
    TimePoint appended_at;      // the last time
    TimePoint earliest_expiry;  // of its live records, or sooner
    TimePoint swept_at;         // when its expired records were last removed, or when it was opened
    uint8_t sweep_backoff;      // the next time comes after that many doublings of the period
  };

  // `policy_bytes` are kept in front of each entry. `keeps_order`: Compact leaves the records of a
  // queue in their order, about. `pools` must outlive the log.
  EntryLog(EntryPools* pools, size_t policy_bytes, bool keeps_order);
  ~EntryLog();
  EntryLog(const EntryLog&) = delete;
  EntryLog& operator=(const EntryLog&) = delete;

  // A new record: header and key are there, the value is not initialised, the policy's bytes are 0.
  EntryRef Append(Queue queue, std::string_view key, uint32_t slot, const EntryShape& shape,
                  TimePoint now) {
    return AppendInPlaceOf(nullptr, {}, queue, key, slot, shape, now);
  }
  // The same, with these parts of the value taken over from another record, which is to be freed by
  // FreeReplaced.
  EntryRef AppendInPlaceOf(const Entry* replaced, const ValueParts& shared, Queue queue,
                           std::string_view key, uint32_t slot, const EntryShape& shape,
                           TimePoint now);
  // A copy of the record as the newest of a queue, or in the segment that Compact asks for; the
  // parts of the value belong to the copy. The original is to be freed by FreeMoved.
  EntryRef AppendCopy(Queue queue, EntryRef original, TimePoint now);
  EntryRef CopyInto(SegmentId segment, EntryRef original);

  // All void references into the record's segment.
  void Free(EntryRef ref) { FreeReplaced(ref, {}); }
  void FreeReplaced(EntryRef ref, const ValueParts& shared);
  void FreeMoved(EntryRef original);

  EntryRef At(Location at) const { return {EntryIn(bases_[IdOf(at)], OffsetOf(at)), at}; }
  // The record behind this one in its segment, if there is one; it may be dead.
  EntryRef After(EntryRef ref) const;
  // Says that a live record expires at this time.
  void NoteExpiry(Location at, TimePoint expires_at);

  // The oldest live record of a queue, to about a segment, and about when it was appended.
  EntryRef Oldest(Queue queue);
  TimePoint OldestAppendedAt(Queue queue) const;
  Queue QueueOf(Location at) const { return segments_[IdOf(at)].queue; }

  // Copies live records out of segments with many dead ones while more is wasted than should be;
  // looks at about `bytes_max` of records. move(original, segment) must CopyInto and FreeMoved.
  // False: nothing could be done, now or in another call.
  bool Compact(size_t bytes_max, absl::FunctionRef<void(EntryRef, SegmentId)> move);
  bool wants_compaction() const {
    return fruitless_ < segment_ids() && dead_bytes() > live_bytes_ / kDeadShare + Physical(1);
  }
  // True if the segments take more than the live bytes are charged for, and Compact can help it.
  bool is_behind() const { return wants_compaction() && wasted_bytes() > WasteMax(live_bytes_); }
  // True if they take so much more that it is charged for.
  bool is_overdrawn() const {
    return wants_compaction() && wasted_bytes() > WasteMax(live_bytes_) + Grace(live_bytes_);
  }
  // Bytes that have died since the last call in segments that live on.
  uint64_t TakeNewlyDead();

  uint64_t segments_in_use() const { return segments_in_use_; }
  // Segments are numbered from 1 to segment_ids(); some may not be in use.
  SegmentId segment_ids() const { return static_cast<SegmentId>(segments_.size() - 1); }
  Segment& segment(SegmentId id) { return segments_[id]; }
  bool is_in_use(SegmentId id) const { return bases_[id] != nullptr; }
  // One of the live records that are not pinned, uniformly at random; none if there is none.
  EntryRef RandomLive(Random& random);
  // Calls visit(EntryRef) for the live records of a segment. `visit` may free that record; returns
  // false to stop.
  void VisitLive(SegmentId id, absl::FunctionRef<bool(EntryRef)> visit);

  // What the stripe is charged for: the live bytes and what it may come to waste, so that a
  // record's death frees its bytes before its segment is reclaimed. What is wasted beyond is
  // charged only if it is more than a little: Compact will soon have it.
  uint64_t charged_bytes() const {
    return Charge(live_bytes_, segments_in_use_) + apart_bytes_ + index_bytes();
  }
  // By how much charged_bytes rises, at most, with a record like this in place of `replaced`, or
  // with a new one when that is nullptr.
  uint64_t AppendCost(const EntryShape& shape, bool is_pinned, const Entry* replaced) const;
  // Records and parts that are alive, by queue and in all.
  uint64_t queue_bytes(Queue queue) const { return queue_bytes_[static_cast<size_t>(queue)]; }
  uint64_t live_bytes() const { return live_bytes_ + apart_bytes_; }
  // Of the segments: what is not alive, and the part of it that Compact can win back.
  uint64_t wasted_bytes() const { return Physical(segments_in_use_) - live_bytes_; }
  uint64_t dead_bytes() const { return appended_bytes_ - live_bytes_; }
  // What Free would take from live_bytes().
  uint64_t BytesOf(const Entry& entry) const;

 private:
  static constexpr size_t kQueues = 3;
  // For the open segments that are not full.
  static constexpr uint64_t kSlackSegments = 3;
  static constexpr uint64_t kWasteShare = 30;
  static constexpr uint64_t kGraceShare = 64;
  // Of bases_ for each segment, with what a vector has in reserve.
  static constexpr uint64_t kBaseBytes = 2 * sizeof(char*);
  static constexpr uint64_t kDeadShare = 28;

  uint64_t index_bytes() const { return segments_.memory_bytes() + segments_.size() * kBaseBytes; }
  SegmentId IdOf(Location at) const { return static_cast<SegmentId>(at.value >> offset_bits_); }
  size_t OffsetOf(Location at) const { return at.value & ((uint64_t{1} << offset_bits_) - 1); }
  uint64_t Physical(uint64_t segments) const { return segments * segment_bytes_; }
  uint64_t WasteMax(uint64_t live) const { return live / kWasteShare + Physical(kSlackSegments); }
  static uint64_t Grace(uint64_t live) { return live / kGraceShare; }
  uint64_t Charge(uint64_t live, uint64_t segments) const;

  Entry* EntryIn(char* base, size_t offset) const {
    return reinterpret_cast<Entry*>(base + offset + policy_bytes_);
  }
  EntryRef RefIn(SegmentId id, size_t offset) const {
    return {EntryIn(bases_[id], offset), Location{uint64_t{id} << offset_bits_ | offset}};
  }
  size_t RecordBytes(const Entry& entry) const { return entry.RecordBytes(policy_bytes_); }
  size_t RoomIn(SegmentId id) const { return segment_bytes_ - segments_[id].appended_bytes; }
  static uint64_t DeadBytes(const Segment& segment) {
    return segment.appended_bytes - segment.live_bytes;
  }

  // The segments that take records. What the newest has no room for may still leave room for
  // smaller ones, so the one before stays open, too.
  struct Open {
    SegmentId newest = 0;
    SegmentId before = 0;
  };
  Open& compact_to(Queue queue) { return open_[kQueues + static_cast<size_t>(queue)]; }
  bool IsOpen(SegmentId id) const;
  bool IsNewestOpen(SegmentId id) const;
  // The one that has room, or 0.
  SegmentId RoomFor(size_t record_bytes, const Open& open) const;
  // Closes the one with less room.
  void Advance(Open& open, SegmentId next);
  void Close(SegmentId& open);
  void Close(Open& open);

  SegmentId NewSegment(Queue queue, TimePoint now);
  // Stands it in the chain before `newer`, or as the newest of its queue.
  void Link(SegmentId id, SegmentId newer);
  void Release(SegmentId id);
  SegmentId SegmentFor(Queue queue, size_t record_bytes, TimePoint now);
  // A new live record, which is not initialised, with so many bytes apart.
  EntryRef Extend(SegmentId id, size_t record_bytes, uint64_t apart_bytes);
  // REQUIRES: the segment has more live records than `number`.
  EntryRef LiveRecord(SegmentId id, uint64_t number);
  void FreeRecord(EntryRef ref, uint64_t apart_bytes);
  bool MayCompact(SegmentId id) const;
  // Something has changed so that this may be a source now.
  void NoteSource(SegmentId id) {
    if (fruitless_ > 0 && MayCompact(id)) fruitless_ = 0;
  }
  SegmentId MostDead();
  // The nearest segment of the same queue that fits, if it is near.
  SegmentId FindNear(SegmentId id, absl::FunctionRef<bool(SegmentId)> fits) const;
  // With more dead bytes than the average, or none.
  SegmentId MostDeadNear(SegmentId id) const;
  bool NextSource();
  SegmentId SegmentToCompactInto(size_t record_bytes);

  EntryPools* const pools_;
  const size_t segment_bytes_;
  const int offset_bits_;  // of a location
  const size_t policy_bytes_;
  const bool keeps_order_;
  ChunkedArray<Segment, 32> segments_;
  std::vector<char*> bases_;  // of the segments that are in use, close together for every access
  SegmentId unused_ = 0;
  std::array<SegmentId, kQueues> oldest_{};
  std::array<SegmentId, kQueues> newest_{};
  std::array<Open, 2 * kQueues> open_{};  // by queue, and what Compact copies into
  SegmentId compact_from_ = 0;
  size_t compact_offset_ = 0;
  Queue compact_queue_ = Queue::kFirst;  // of the last source
  uint64_t fruitless_ = 0;               // segments looked at in vain since there was a source
  SegmentId compact_search_ = 0;         // where the search for a source goes on
  uint64_t segments_in_use_ = 0;
  uint64_t appended_bytes_ = 0;
  uint64_t live_bytes_ = 0;
  uint64_t apart_bytes_ = 0;
  std::array<uint64_t, kQueues> queue_bytes_{};
  uint64_t newly_dead_bytes_ = 0;
  uint32_t live_records_max_ = 1;  // of a segment, ever
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_ENTRY_LOG_H_
