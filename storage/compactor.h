#ifndef LARDER_STORAGE_COMPACTOR_H_
#define LARDER_STORAGE_COMPACTOR_H_

#include <cstddef>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "storage/location.h"
#include "storage/log_charge.h"
#include "storage/segment.h"
#include "storage/segment_list.h"

namespace larder::storage {

// Whether a compaction may come to something.
enum class CompactProgress : uint8_t {
  kNone,  // nothing could be done, and will not be until something changes
  kSome,
};

// When to compact.
enum class CompactUrgency : uint8_t {
  kWhenWorthIt,  // while more is wasted than is tolerable
  kNow,          // while there is a segment from which something can be won
};

// Wins back what is dead in the segments of a log: takes those with many dead records, one after
// the other, and has what lives in them copied. Where the order of the records counts, what goes
// into one segment comes from segments near each other in their queue.
// Not thread-safe. Sizes in bytes.
class Compactor {
 public:
  // Copies a record into a segment, and frees the original.
  using Move = absl::FunctionRef<void(EntryRef original, SegmentId to)>;

  // `keeps_order`: records of a queue stay in their order, about. `segments` must outlive it.
  Compactor(SegmentList* segments, const LogCharge& charge, bool keeps_order)
      : segments_(*segments), charge_(charge), keeps_order_(keeps_order) {}

  // Moves live records out of segments with many dead ones; looks at about `bytes_max`.
  [[nodiscard]] CompactProgress Compact(size_t bytes_max, CompactUrgency urgency, Move move);

  // What is wasted, as far as something can be done about it.
  Waste waste() const {
    return fruitless_ < segments_.ids() ? charge_.WasteOf(segments_.usage()) : Waste::kTolerable;
  }

  // Something has changed so that this segment may be worth compacting now; 0 is none.
  void NoteSource(SegmentId id) {
    if (fruitless_ > 0 && id != 0 && MayCompact(id)) fruitless_ = 0;
  }
  // The segment is about to be released.
  void Forget(SegmentId id) {
    if (source_ == id) source_ = 0;
  }
  // Closes what the records of a queue are copied into.
  void StopFilling(LogQueue queue);

 private:
  bool IsDue(CompactUrgency urgency) const {
    if (urgency == CompactUrgency::kWhenWorthIt) return waste() != Waste::kTolerable;
    return fruitless_ < segments_.ids() && segments_.usage().dead_bytes() > 0;
  }
  bool MayCompact(SegmentId id) const;
  SegmentId MostDead();
  // One that has more dead bytes than the average, or none.
  SegmentId MostDeadNear(SegmentId id) const;
  // Chooses the next source, 0 if there is none.
  SegmentId NextSource();
  // The segment into which the next record of the source goes, 0 if none may be opened.
  SegmentId Destination(size_t record_bytes);
  SegmentId OpenDestination(size_t record_bytes);

  SegmentList::Open& filling(LogQueue queue) {
    return segments_.open(SegmentList::Filler::kCompactor, queue);
  }

  SegmentList& segments_;
  const LogCharge charge_;
  const bool keeps_order_;
  SegmentId source_ = 0;
  size_t source_offset_ = 0;
  LogQueue source_queue_ = LogQueue::kFirst;  // of the last source
  uint64_t fruitless_ = 0;                    // segments looked at in vain since there was a source
  SegmentId search_ = 0;                      // where the search for a source goes on
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_COMPACTOR_H_
