#ifndef LARDER_STORAGE_MUTATION_LOG_H_
#define LARDER_STORAGE_MUTATION_LOG_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "storage/mutation_record.h"
#include "storage/mutation_sink.h"
#include "storage/mutex.h"
#include "storage/thread_place.h"

namespace larder::storage {

struct MutationLogOptions {
  // Room for what several writers evict, or for values of 256 KiB.
  static constexpr uint64_t kBytesMin = uint64_t{1} << 20;

  uint64_t bytes = uint64_t{64} << 20;  // a multiple of 64 KiB, kBytesMin to 1 TiB
  uint64_t bytes_min = kBytesMin;       // less is for tests of what happens when it is full
  // Slots that are equal modulo this are appended to one at a time: as many as the keyspace has
  // stripes, or more. A power of two.
  uint32_t stripes = 64;
  uint64_t first = 1;  // the sequence of the first record: at least 1, up to kLogSequenceMax
  // Wakes readers that sleep; called by a writer, which holds no lock of the keyspace.
  std::function<void()> wake;
  // Room has come that was awaited; called by whoever made it, a reader or a writer, likewise.
  std::function<void()> room;
};

// Bounded ring of committed mutations with many independent readers. Thread-safe: records of
// different stripes are appended side by side, without a lock or a wait. Sizes in bytes.
//
// A sequence is a place, in lines of 64 bytes from the first record of the log on: the next one's
// is this one's and what it takes, without holes. What holds:
// - A place and its number are one fetch_add of `next_`. Before it the stripe notes, on a line of
//   its own, that it is appending from here or later; behind the copy it takes that back. So all
//   before the least of these notes, and of next_ as it was before they were read, is whole: what
//   readers see has no holes, and nothing in the ring says so but the notes.
// - granted_ is the place up to which room was ever given away; next_ does not pass it. It stays
//   within a ring's length of what is not whole yet and of what readers have pinned, so neither is
//   ever written over, however long a thread is kept from running.
// - A reader may also bound how far writers are ahead of it: nobody gets room any more once
//   granted_ is further from where it reads. So they are ahead by what one has got at a time more,
//   at most.
// - A reader pins where it reads, and only then looks whether granted_ has left it behind.
// - Who awaits room awaits a reader that holds it, or what others have reserved: each looks behind
//   what it does whether somebody awaits. A record that is not whole yet is soon, so room that only
//   it is in the way of is asked for again: no record need be told to anybody for it.
// - A record that shares a large value keeps its whole place, and leaves most of it as it is. So
//   what is shared is bounded by the ring, and a record is where it would be if it were copied.
// - What a record has behind the end of the ring belongs to the next one that ends there, a whole
//   ring later.
class MutationLog final : public MutationSink {
 public:
  static constexpr uint64_t kLineBytes = kLogLineBytes;
  static constexpr uint64_t kNowhere = UINT64_MAX;
  static constexpr size_t kReadersMax = 64;

  // INVALID_ARGUMENT: not as MutationLogOptions says. RESOURCE_EXHAUSTED: no memory.
  static absl::StatusOr<std::unique_ptr<MutationLog>> Create(const MutationLogOptions& options);

  uint64_t RoomFor(size_t key_bytes, size_t value_bytes) const override;
  // A quarter of the ring: less than what is given away by then would keep readers from being slow.
  uint64_t RoomMax() const override;
  bool TryReserve(uint64_t bytes) override;
  void Release(uint64_t bytes) override;
  bool AwaitRoom(uint64_t bytes) override;
  void StopAwaitingRoom(uint64_t bytes) override;
  uint64_t Append(const Mutation& mutation) override;
  uint64_t position() const override { return next_.load(std::memory_order_seq_cst); }
  void OnUnlocked() override;
  void ShareValues(SharedValues* shared) override;

  // All before this sequence has been appended, whole.
  uint64_t whole_until() const;
  // From here on a reader could begin now.
  uint64_t oldest() const;
  uint64_t bytes() const { return lines_ * kLineBytes; }

 private:
  friend class LogReader;

  // On a line of its own.
  struct alignas(kLineBytes) Place {
    std::atomic<uint64_t> sequence{kNowhere};
  };
  struct alignas(kLineBytes) Pin {
    std::atomic<uint64_t> sequence{kNowhere};
    std::atomic<uint64_t> lines_ahead{0};  // how far writers may be; written before the sequence
  };
  struct alignas(kLineBytes) Advance {
    std::atomic<uint64_t> lines{0};
  };
  // Room is given to threads in advance, so that a write touches no line that all do but next_.
  static constexpr size_t kAdvances = kThreadPlaces;

  struct Deleter {
    void operator()(char* ring) const { ::operator delete[](ring, std::align_val_t{kLineBytes}); }
  };
  using Ring = std::unique_ptr<char[], Deleter>;

  MutationLog(const MutationLogOptions& options, Ring ring);

  char* At(uint64_t sequence) const { return ring_.get() + sequence % lines_ * kLineBytes; }
  Advance& AdvanceOfThisThread() { return advances_[PlaceOfThisThread()]; }
  // Writes a record that has no copy of its value, if it may. False: nothing was written.
  bool AppendShared(const Mutation& mutation, uint64_t sequence, uint64_t lines);
  // Lets go of values whose records are before what may be read with so much room given away.
  void PassValues(uint64_t granted);
  static bool Take(Advance& advance, uint64_t lines);
  // Whether room for the lines is more than what somebody asked for.
  enum class Ask : uint8_t { kNeeded, kInAdvance };
  // Gives away room for so many lines more, if they fit.
  bool Grant(uint64_t lines, Ask ask);
  bool Fits(uint64_t granted, uint64_t lines, Ask ask) const;
  // Whether a reader keeps so much from being given away, once so much was.
  bool IsHeld(uint64_t granted, uint64_t lines, Ask ask) const;
  bool TryReserveLines(uint64_t lines);
  void ReleaseLines(uint64_t lines);
  // Reserves room for what somebody awaits and gives it back. False: there is none, and not only
  // for what others do just now, but because a reader holds it.
  bool TryRoom(uint64_t lines);
  // Lets those know who await room, if there may be as much as the largest of them needs.
  void TellRoom() {
    if ((awaited_.load(std::memory_order_seq_cst) & kRoom) != 0) [[unlikely]]
      TellRoomThatCame();
  }
  void TellRoomThatCame();
  void ForgetAwaited() ABSL_EXCLUSIVE_LOCKS_REQUIRED(awaiting_mutex_);
  // Takes back what was given in advance. How many lines.
  uint64_t TakeBackAdvances();

  // Nullptr: there are as many readers as may be.
  Pin* AddPin();
  void RemovePin(Pin* pin);

  const uint64_t lines_;
  const uint64_t advance_lines_;
  const uint32_t stripe_mask_;
  SharedValues* shared_ = nullptr;  // changes while nobody appends
  const std::function<void()> wake_;
  const std::function<void()> room_;
  // Followed by as many bytes as a record may have: one that begins near the end has no seam.
  const Ring ring_;
  std::vector<Place> appending_;  // by stripe
  std::array<Pin, kReadersMax> pins_;
  std::array<std::atomic<bool>, kReadersMax> is_pin_used_{};
  std::array<Advance, kAdvances> advances_;
  alignas(kLineBytes) std::atomic<uint64_t> next_;
  alignas(kLineBytes) std::atomic<uint64_t> granted_;
  // Nobody begins to read before this: what there is may share values that were let go. It and the
  // pins are to each other as granted_ and they are.
  std::atomic<uint64_t> passed_;
  static constexpr uint32_t kRecords = 1;
  static constexpr uint32_t kRoom = 2;
  alignas(kLineBytes) std::atomic<uint32_t> awaited_{0};  // which of the two
  Mutex awaiting_mutex_;
  // The most that one needs who awaits room, and how many need as much.
  uint64_t lines_awaited_ ABSL_GUARDED_BY(awaiting_mutex_) = 0;
  uint64_t awaiting_ ABSL_GUARDED_BY(awaiting_mutex_) = 0;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_MUTATION_LOG_H_
