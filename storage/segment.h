#ifndef LARDER_STORAGE_SEGMENT_H_
#define LARDER_STORAGE_SEGMENT_H_

#include <cstdint>

#include "storage/time.h"

namespace larder::storage {

using SegmentId = uint32_t;  // 0 is none

// The chains in which segments stand. The first two are the policy's; what may not be evicted is in
// the third.
enum class LogQueue : uint8_t { kFirst, kSecond, kPinned };
inline constexpr size_t kLogQueues = 3;

// What is known of one segment of a log. Sizes in bytes.
struct Segment {
  uint32_t appended_bytes;
  uint32_t live_bytes;
  uint32_t live_records;
  uint32_t evicted_bytes;  // all records before this offset are dead
  SegmentId older;
  SegmentId newer;  // also: the next unused id
  LogQueue queue;
  TimePoint opened_at;
  TimePoint appended_at;      // the last time
  TimePoint earliest_expiry;  // of its live records, or sooner
  TimePoint swept_at;         // when its expired records were last removed, or when it was opened
  uint8_t sweep_backoff;      // the next time comes after that many doublings of the period

  uint32_t dead_bytes() const { return appended_bytes - live_bytes; }
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_SEGMENT_H_
