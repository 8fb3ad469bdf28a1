#ifndef LARDER_STORAGE_SEGMENT_LIST_H_
#define LARDER_STORAGE_SEGMENT_LIST_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "storage/chunked_array.h"
#include "storage/entry.h"
#include "storage/location.h"
#include "storage/log_charge.h"
#include "storage/segment.h"
#include "storage/time.h"
#include "storage/unit_pool.h"

namespace larder::storage {

// Holds the segments of one log: their numbers and memory, the chain of each queue from the oldest
// to the newest, which of them still take records, and how much is in all of them. Says where a
// record is, and counts those that come and die; knows nothing of what is in them beyond that.
// Not thread-safe. Sizes in bytes.
class SegmentList {
 public:
  // Segments take records from whoever writes them and from whoever compacts, apart.
  enum class Filler : uint8_t { kWriter, kCompactor };

  // The segments that take the records of one filler for one queue, or 0. What the newest has no
  // room for may still leave room for smaller ones, so the one before stays open, too.
  struct Open {
    SegmentId newest = 0;
    SegmentId before = 0;
  };

  // How many segments of so many bytes a location has bits for.
  static constexpr SegmentId IdsMax(size_t segment_bytes) {
    return static_cast<SegmentId>((uint64_t{1} << Location::kBits) / segment_bytes - 1);
  }

  // `policy_bytes` are kept in front of each entry; no more than `ids_max` segments are held, nor
  // than IdsMax. `pool` must outlive the list.
  SegmentList(UnitPool* pool, size_t policy_bytes, SegmentId ids_max);
  ~SegmentList();
  SegmentList(const SegmentList&) = delete;
  SegmentList& operator=(const SegmentList&) = delete;

  // Segments are numbered from 1 to ids(); some may not be in use.
  SegmentId ids() const { return static_cast<SegmentId>(segments_.size() - 1); }
  SegmentId ids_max() const { return ids_max_; }
  // How many more segments there may be.
  SegmentId free_ids() const { return ids_max_ - static_cast<SegmentId>(usage_.segments); }
  bool is_in_use(SegmentId id) const { return bases_[id] != nullptr; }
  Segment& operator[](SegmentId id) { return segments_[id]; }
  const Segment& operator[](SegmentId id) const { return segments_[id]; }
  SegmentId oldest(LogQueue queue) const { return oldest_[static_cast<size_t>(queue)]; }
  // The nearest segment of the same queue that fits, if it is near: kNearSegments away at most.
  SegmentId FindNear(SegmentId id, absl::FunctionRef<bool(SegmentId)> fits) const;

  size_t segment_bytes() const { return segment_bytes_; }
  const LogUsage& usage() const { return usage_; }
  // Memory of the list itself, and by how much the next Allocate raises it.
  uint64_t index_bytes() const { return segments_.memory_bytes() + segments_.size() * kBaseBytes; }
  uint64_t growth_bytes() const { return unused_ == 0 ? segments_.growth_bytes() + kBaseBytes : 0; }

  // Records and where they are.
  EntryRef At(Location at) const { return {EntryIn(bases_[IdOf(at)], OffsetOf(at)), at}; }
  EntryRef RefIn(SegmentId id, size_t offset) const {
    return {EntryIn(bases_[id], offset), Location{uint64_t{id} << offset_bits_ | offset}};
  }
  SegmentId IdOf(Location at) const { return static_cast<SegmentId>(at.value >> offset_bits_); }
  size_t OffsetOf(Location at) const { return at.value & ((uint64_t{1} << offset_bits_) - 1); }
  size_t RecordBytes(const Entry& entry) const { return entry.RecordBytes(policy_bytes_); }

  // A new live record, which is not initialised. REQUIRES: the segment has room.
  EntryRef Extend(SegmentId id, size_t record_bytes);
  // Counts a live record as dead.
  void CountDeath(SegmentId id, size_t record_bytes);

  Open& open(Filler filler, LogQueue queue) {
    return open_[static_cast<size_t>(filler)][static_cast<size_t>(queue)];
  }
  const Open& open(Filler filler, LogQueue queue) const {
    return open_[static_cast<size_t>(filler)][static_cast<size_t>(queue)];
  }
  size_t RoomIn(SegmentId id) const { return segment_bytes_ - segments_[id].appended_bytes; }
  // The one that has room, or 0.
  SegmentId RoomFor(size_t record_bytes, const Open& open) const;
  bool IsOpen(SegmentId id) const;
  bool IsNewestOpen(SegmentId id) const;
  // Opens `next` and closes the one with less room. Returns as Close does.
  [[nodiscard]] SegmentId Advance(Open& open, SegmentId next);
  // Closes a segment, or none if it is 0, and releases it if nothing lives in it. Returns it if it
  // lives on, else 0.
  [[nodiscard]] SegmentId Close(SegmentId& open);

  // An empty segment outside of the chain of its queue. REQUIRES: free_ids() > 0.
  SegmentId Allocate(LogQueue queue, TimePoint now);
  // Stands it in the chain before `newer`, or as the newest of its queue.
  void Link(SegmentId id, SegmentId newer);
  // Begins a segment anew. REQUIRES: nothing lives in it.
  void Restart(SegmentId id);
  // Gives a segment back. REQUIRES: nothing lives in it.
  void Release(SegmentId id);
  // Gives back those that are open. REQUIRES: nothing lives in any segment.
  void ReleaseOpen();

 private:
  // What bases_ takes for each segment, with what a vector has in reserve.
  static constexpr uint64_t kBaseBytes = 2 * sizeof(char*);

  Entry* EntryIn(char* base, size_t offset) const {
    return reinterpret_cast<Entry*>(base + offset + policy_bytes_);
  }

  UnitPool* const pool_;
  const size_t segment_bytes_;
  const int offset_bits_;  // of a location
  const size_t policy_bytes_;
  const SegmentId ids_max_;
  ChunkedArray<Segment, 32> segments_;
  std::vector<char*> bases_;  // of the segments that are in use, close together for every access
  SegmentId unused_ = 0;
  std::array<SegmentId, kLogQueues> oldest_{};
  std::array<SegmentId, kLogQueues> newest_{};
  std::array<std::array<Open, kLogQueues>, 2> open_{};  // by filler and queue
  LogUsage usage_;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_SEGMENT_LIST_H_
