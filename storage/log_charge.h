#ifndef LARDER_STORAGE_LOG_CHARGE_H_
#define LARDER_STORAGE_LOG_CHARGE_H_

#include <algorithm>
#include <cstdint>

namespace larder::storage {

// What is in the segments of a log, in bytes.
struct LogUsage {
  uint64_t live_bytes = 0;      // of records that live
  uint64_t appended_bytes = 0;  // of those and of the dead, in segments that are still held
  uint64_t segments = 0;

  uint64_t dead_bytes() const { return appended_bytes - live_bytes; }
};

// How much of its segments a log wastes; each is worse than the one before.
enum class Waste : uint8_t {
  kTolerable,
  kWorthCompacting,
  kBehind,     // more than the live bytes are charged for
  kOverdrawn,  // so much more that it is charged for
};

// Computes what a stripe is charged for its log from what is in the log: a pure function of
// numbers. The charge is for the live bytes and for what they may come to waste, so that a record's
// death frees its bytes before its segment is reclaimed; what is wasted beyond is charged only if
// it is more than a little, since a compaction will soon have it.
class LogCharge {
 public:
  explicit LogCharge(uint64_t segment_bytes) : segment_bytes_(segment_bytes) {}

  uint64_t Bytes(uint64_t live_bytes, uint64_t segments) const {
    if (segments == 0) return 0;
    const uint64_t held = HeldBytes(segments);
    return std::max(live_bytes + WasteMax(live_bytes), held - std::min(held, Grace(live_bytes)));
  }
  uint64_t Bytes(const LogUsage& usage) const { return Bytes(usage.live_bytes, usage.segments); }

  // What the segments take and no live record uses.
  uint64_t WastedBytes(const LogUsage& usage) const {
    return HeldBytes(usage.segments) - usage.live_bytes;
  }

  Waste WasteOf(const LogUsage& usage) const {
    const uint64_t live = usage.live_bytes;
    if (usage.dead_bytes() <= live / kDeadShare + segment_bytes_) return Waste::kTolerable;
    const uint64_t wasted = WastedBytes(usage);
    if (wasted <= WasteMax(live)) return Waste::kWorthCompacting;
    return wasted <= WasteMax(live) + Grace(live) ? Waste::kBehind : Waste::kOverdrawn;
  }

 private:
  // For the open segments that are not full.
  static constexpr uint64_t kSlackSegments = 3;
  static constexpr uint64_t kWasteShare = 30;
  static constexpr uint64_t kGraceShare = 64;
  static constexpr uint64_t kDeadShare = 28;

  uint64_t HeldBytes(uint64_t segments) const { return segments * segment_bytes_; }
  uint64_t WasteMax(uint64_t live_bytes) const {
    return live_bytes / kWasteShare + HeldBytes(kSlackSegments);
  }
  static uint64_t Grace(uint64_t live_bytes) { return live_bytes / kGraceShare; }

  const uint64_t segment_bytes_;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_LOG_CHARGE_H_
