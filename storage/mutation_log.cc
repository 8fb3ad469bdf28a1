#include "storage/mutation_log.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "storage/mutation_record.h"

namespace larder::storage {
namespace {

constexpr uint64_t kBytesStep = uint64_t{64} << 10;
constexpr uint64_t kBytesMax = uint64_t{1} << 40;
constexpr uint64_t kRoomShare = 4;       // of the ring, for one who reserves
constexpr uint64_t kAdvancesShare = 16;  // of the ring, for all that is given in advance
constexpr uint64_t kAdvanceLinesMax = 1024;

}  // namespace

absl::StatusOr<std::unique_ptr<MutationLog>> MutationLog::Create(
    const MutationLogOptions& options) {
  if (options.bytes == 0 || options.bytes % kBytesStep != 0 || options.bytes > kBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("a log of ", options.bytes,
                                                   " bytes; it must be a multiple of ", kBytesStep,
                                                   ", up to ", kBytesMax));
  }
  if (!std::has_single_bit(options.stripes)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a log for ", options.stripes, " stripes, which must be a power of two"));
  }
  const uint64_t bytes = options.bytes + options.bytes / kRoomShare;
  Ring ring(
      static_cast<char*>(::operator new[](bytes, std::align_val_t{kLineBytes}, std::nothrow)));
  if (ring == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no memory for a log of ", options.bytes, " bytes"));
  }
  return std::unique_ptr<MutationLog>(new MutationLog(options, std::move(ring)));
}

MutationLog::MutationLog(const MutationLogOptions& options, Ring ring)
    : lines_(options.bytes / kLineBytes),
      advance_lines_(std::min(kAdvanceLinesMax, lines_ / kAdvancesShare / kAdvances)),
      stripe_mask_(options.stripes - 1),
      first_(options.first),
      wake_(options.wake),
      ring_(std::move(ring)),
      appending_(options.stripes),
      next_(options.first),
      granted_(options.first) {}

uint64_t MutationLog::RoomFor(size_t key_bytes, size_t value_bytes) const {
  return LogLinesOf(MutationRecordBytes(key_bytes, value_bytes)) * kLineBytes;
}

uint64_t MutationLog::RoomMax() const { return lines_ / kRoomShare * kLineBytes; }

bool MutationLog::Take(Advance& advance, uint64_t lines) {
  uint64_t here = advance.lines.load(std::memory_order_relaxed);
  while (here >= lines) {
    // Whoever writes into this room has seen what Grant has seen.
    if (advance.lines.compare_exchange_weak(here, here - lines, std::memory_order_acquire,
                                            std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

bool MutationLog::TryReserve(uint64_t bytes) {
  const uint64_t lines = LogLinesOf(bytes);
  Advance& advance = AdvanceOfThisThread();
  if (Take(advance, lines)) return true;
  if (Grant(lines + advance_lines_)) {
    advance.lines.fetch_add(advance_lines_, std::memory_order_release);
    return true;
  }
  if (Grant(lines)) return true;
  const uint64_t back = TakeBackAdvances();
  if (back == 0) return false;
  if (back >= lines) {
    advance.lines.fetch_add(back - lines, std::memory_order_release);
    return true;
  }
  // What others have got is enough only with some of what nobody has.
  if (Grant(lines - back)) return true;
  advance.lines.fetch_add(back, std::memory_order_release);
  return false;
}

void MutationLog::Release(uint64_t bytes) {
  const uint64_t lines = LogLinesOf(bytes);
  Advance& advance = AdvanceOfThisThread();
  const uint64_t here = advance.lines.fetch_add(lines, std::memory_order_acq_rel) + lines;
  if (here <= 2 * advance_lines_) return;
  // What is given away takes from how far back the log reaches.
  const uint64_t surplus = here - advance_lines_;
  if (Take(advance, surplus)) granted_.fetch_sub(surplus, std::memory_order_seq_cst);
}

bool MutationLog::Grant(uint64_t lines) {
  // Asked first, so that readers seldom see what is taken back.
  if (granted_.load(std::memory_order_relaxed) + lines > kept_from() + lines_) return false;
  const uint64_t end = granted_.fetch_add(lines, std::memory_order_seq_cst) + lines;
  // And again: a reader that has not seen this has pinned before.
  if (end <= kept_from() + lines_) return true;
  granted_.fetch_sub(lines, std::memory_order_seq_cst);
  return false;
}

uint64_t MutationLog::kept_from() const {
  uint64_t from = whole_until();
  for (const Place& pin : pins_) {
    from = std::min(from, pin.sequence.load(std::memory_order_seq_cst));
  }
  return from;
}

uint64_t MutationLog::TakeBackAdvances() {
  uint64_t lines = 0;
  for (Advance& advance : advances_) {
    lines += advance.lines.exchange(0, std::memory_order_acquire);
  }
  return lines;
}

void MutationLog::Append(const Mutation& mutation) {
  const uint64_t lines = RoomFor(mutation.key.size(), mutation.value.size()) / kLineBytes;
  std::atomic<uint64_t>& appending = appending_[mutation.slot & stripe_mask_].sequence;
  // Seen by all who see next_ as it is after fetch_add, which releases it. Who sees this one sees
  // what the stripe has appended before, whose lock this thread has.
  appending.store(next_.load(std::memory_order_relaxed), std::memory_order_release);
  const uint64_t sequence = next_.fetch_add(lines, std::memory_order_seq_cst);
  WriteMutationRecord(mutation, At(sequence));
  appending.store(kNowhere, std::memory_order_release);
}

void MutationLog::OnUnlocked() {
  // Behind the fetch_add of next_: who has not seen that by then, when it wanted to sleep, has set
  // this before.
  if (!must_wake_.load(std::memory_order_seq_cst)) [[likely]]
    return;
  if (must_wake_.exchange(false, std::memory_order_seq_cst) && wake_) wake_();
}

uint64_t MutationLog::whole_until() const {
  uint64_t until = next_.load(std::memory_order_seq_cst);
  for (const Place& place : appending_) {
    until = std::min(until, place.sequence.load(std::memory_order_acquire));
  }
  return until;
}

uint64_t MutationLog::oldest() const {
  const uint64_t granted = granted_.load(std::memory_order_seq_cst);
  return std::max(first_, granted - std::min(granted, lines_));
}

MutationLog::Place* MutationLog::AddPin() {
  for (size_t i = 0; i < kReadersMax; ++i) {
    if (!is_pin_used_[i].exchange(true, std::memory_order_acquire)) return &pins_[i];
  }
  return nullptr;
}

void MutationLog::RemovePin(Place* pin) {
  pin->sequence.store(kNowhere, std::memory_order_release);
  is_pin_used_[static_cast<size_t>(pin - pins_.data())].store(false, std::memory_order_release);
}

}  // namespace larder::storage
