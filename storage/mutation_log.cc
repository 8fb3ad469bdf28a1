#include "storage/mutation_log.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "storage/log_record.h"
#include "storage/mutation_record.h"
#include "storage/shared_values.h"
#include "storage/unit_pool.h"

namespace larder::storage {
namespace {

constexpr uint64_t kBytesStep = uint64_t{64} << 10;
constexpr uint64_t kRoomShare = 4;       // of the ring, for one who reserves
constexpr uint64_t kAdvancesShare = 16;  // of the ring, for all that is given in advance
constexpr uint64_t kAdvanceLinesMax = 1024;

}  // namespace

absl::StatusOr<std::unique_ptr<MutationLog>> MutationLog::Create(
    const MutationLogOptions& options) {
  if (options.bytes == 0 || options.bytes % kBytesStep != 0 || options.bytes < options.bytes_min ||
      options.bytes > kLogBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("a log of ", options.bytes, " bytes (--log_bytes); it must be a multiple of ",
                     kBytesStep, ", from ", options.bytes_min, " to ", kLogBytesMax));
  }
  if (options.first == 0 || options.first > kLogSequenceMax) {
    return absl::InvalidArgumentError(absl::StrCat("a log whose first sequence is ", options.first,
                                                   "; it must be 1 to ", kLogSequenceMax));
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
      wake_(options.wake),
      room_(options.room),
      ring_(std::move(ring)),
      appending_(options.stripes),
      next_(options.first),
      granted_(options.first),
      passed_(options.first) {}

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
  if (TryReserveLines(LogLinesOf(bytes))) return true;
  // Meanwhile it may have held what somebody else has looked for.
  TellRoom();
  return false;
}

bool MutationLog::TryReserveLines(uint64_t lines) {
  Advance& advance = AdvanceOfThisThread();
  if (Take(advance, lines)) return true;
  if (Grant(lines + advance_lines_, Ask::kInAdvance)) {
    advance.lines.fetch_add(advance_lines_, std::memory_order_release);
    return true;
  }
  if (Grant(lines, Ask::kNeeded)) return true;
  const uint64_t back = TakeBackAdvances();
  if (back == 0) return false;
  // Nobody has it any more, so it does not count either for how far writers are ahead of a reader.
  granted_.fetch_sub(back, std::memory_order_seq_cst);
  return Grant(lines, Ask::kNeeded);
}

void MutationLog::Release(uint64_t bytes) {
  ReleaseLines(LogLinesOf(bytes));
  TellRoom();
}

void MutationLog::ReleaseLines(uint64_t lines) {
  Advance& advance = AdvanceOfThisThread();
  const uint64_t here = advance.lines.fetch_add(lines, std::memory_order_seq_cst) + lines;
  if (here <= 2 * advance_lines_) return;
  // What is given away takes from how far back the log reaches.
  const uint64_t surplus = here - advance_lines_;
  if (Take(advance, surplus)) granted_.fetch_sub(surplus, std::memory_order_seq_cst);
}

bool MutationLog::Grant(uint64_t lines, Ask ask) {
  // Asked first, so that readers seldom see what is taken back.
  if (!Fits(granted_.load(std::memory_order_relaxed), lines, ask)) return false;
  const uint64_t before = granted_.fetch_add(lines, std::memory_order_seq_cst);
  // And again: a reader that has not seen this has pinned before.
  if (Fits(before, lines, ask)) {
    if (shared_ != nullptr && shared_->is_any()) [[unlikely]]
      PassValues(before + lines);
    return true;
  }
  granted_.fetch_sub(lines, std::memory_order_seq_cst);
  return false;
}

bool MutationLog::Fits(uint64_t granted, uint64_t lines, Ask ask) const {
  return granted + lines <= whole_until() + lines_ && !IsHeld(granted, lines, ask);
}

bool MutationLog::IsHeld(uint64_t granted, uint64_t lines, Ask ask) const {
  const uint64_t end = granted + lines;
  // One that needs more than a reader would have it ahead must come through all the same.
  const uint64_t ahead = ask == Ask::kNeeded ? granted : end;
  for (const Pin& pin : pins_) {
    const uint64_t from = pin.sequence.load(std::memory_order_seq_cst);
    if (from == kNowhere) continue;
    if (end > from + lines_) return true;
    if (ahead > from + pin.lines_ahead.load(std::memory_order_seq_cst)) return true;
  }
  return false;
}

bool MutationLog::TryRoom(uint64_t lines) {
  if (TryReserveLines(lines)) {
    ReleaseLines(lines);
    return true;
  }
  return !IsHeld(granted_.load(std::memory_order_seq_cst), lines, Ask::kNeeded);
}

bool MutationLog::AwaitRoom(uint64_t bytes) {
  const uint64_t lines = LogLinesOf(bytes);
  {
    const MutexLock lock(awaiting_mutex_);
    if (lines > lines_awaited_) {
      lines_awaited_ = lines;
      awaiting_ = 0;
    }
    if (lines == lines_awaited_) ++awaiting_;
    // Behind this whoever makes room looks at it; before, it is seen here.
    awaited_.fetch_or(kRoom, std::memory_order_seq_cst);
  }
  if (!TryRoom(lines)) return true;
  StopAwaitingRoom(bytes);
  return false;
}

void MutationLog::StopAwaitingRoom(uint64_t bytes) {
  bool was_most = false;
  {
    const MutexLock lock(awaiting_mutex_);
    was_most = awaiting_ > 0 && LogLinesOf(bytes) == lines_awaited_ && --awaiting_ == 0;
    if (was_most) ForgetAwaited();
  }
  if (!was_most) {
    // What AwaitRoom has tried may have been in the way when somebody looked for the others.
    TellRoom();
  } else if (room_) {
    room_();  // what the others need is not known: they say so again
  }
}

void MutationLog::TellRoomThatCame() {
  {
    const MutexLock lock(awaiting_mutex_);
    if (awaiting_ == 0 || !TryRoom(lines_awaited_)) return;
    ForgetAwaited();
  }
  if (room_) room_();
}

void MutationLog::ForgetAwaited() {
  lines_awaited_ = 0;
  awaiting_ = 0;
  awaited_.fetch_and(~kRoom, std::memory_order_seq_cst);
}

uint64_t MutationLog::TakeBackAdvances() {
  uint64_t lines = 0;
  for (Advance& advance : advances_) {
    lines += advance.lines.exchange(0, std::memory_order_acquire);
  }
  return lines;
}

uint64_t MutationLog::Append(const Mutation& mutation) {
  const size_t value_bytes = mutation.value.size();
  const uint64_t lines = LogLinesOf(MutationRecordBytes(mutation.key.size(), value_bytes));
  std::atomic<uint64_t>& appending = appending_[mutation.slot & stripe_mask_].sequence;
  // Seen by all who see next_ as it is after fetch_add, which releases it. Who sees this one sees
  // what the stripe has appended before, whose lock this thread has.
  appending.store(next_.load(std::memory_order_relaxed), std::memory_order_release);
  const uint64_t sequence = next_.fetch_add(lines, std::memory_order_seq_cst);
  const bool is_shared =
      value_bytes >= SharedValues::kValueBytesMin && AppendShared(mutation, sequence, lines);
  if (!is_shared) WriteMutationRecord(mutation, At(sequence));
  appending.store(kNowhere, std::memory_order_release);
  return sequence + lines;
}

bool MutationLog::AppendShared(const Mutation& mutation, uint64_t sequence, uint64_t lines) {
  const Entry* const entry = mutation.value.entry();
  if (entry == nullptr || shared_ == nullptr || !shared_->Share(*entry, sequence)) return false;
  char* const place = At(sequence);
  const uint64_t bytes = LogRecord::WriteShared(mutation, place);
  // What is held takes the memory that the copy would have taken.
  UnitPool::GiveBackPages(place + bytes, lines * kLineBytes - bytes);
  return true;
}

void MutationLog::PassValues(uint64_t granted) {
  const uint64_t oldest = granted - std::min(granted, lines_);
  uint64_t passed = passed_.load(std::memory_order_relaxed);
  while (passed < oldest && !passed_.compare_exchange_weak(passed, oldest)) {
  }
  // Room may have been given back meanwhile, and a reader have begun that has not seen this.
  uint64_t kept_from = oldest;
  for (const Pin& pin : pins_) {
    kept_from = std::min(kept_from, pin.sequence.load(std::memory_order_seq_cst));
  }
  shared_->Pass(kept_from);
}

void MutationLog::ShareValues(SharedValues* shared) {
  if (shared != nullptr) {
    shared->Begin(bytes());
  } else if (shared_ != nullptr) {
    shared_->End();
    passed_.store(position(), std::memory_order_seq_cst);
  }
  shared_ = shared;
}

void MutationLog::OnUnlocked() {
  // Behind the fetch_add of next_: who has not seen that by then, when it wanted to sleep, has set
  // this before. That the record is whole need not be seen by then: who sees next_ asks again.
  if ((awaited_.load(std::memory_order_seq_cst) & kRecords) == 0) [[likely]]
    return;
  const uint32_t before = awaited_.fetch_and(~kRecords, std::memory_order_seq_cst);
  if ((before & kRecords) != 0 && wake_) wake_();
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
  return std::max(passed_.load(std::memory_order_seq_cst), granted - std::min(granted, lines_));
}

MutationLog::Pin* MutationLog::AddPin() {
  for (size_t i = 0; i < kReadersMax; ++i) {
    if (is_pin_used_[i].exchange(true, std::memory_order_acquire)) continue;
    pins_[i].lines_ahead.store(lines_, std::memory_order_relaxed);
    return &pins_[i];
  }
  return nullptr;
}

void MutationLog::RemovePin(Pin* pin) {
  pin->sequence.store(kNowhere, std::memory_order_seq_cst);
  is_pin_used_[static_cast<size_t>(pin - pins_.data())].store(false, std::memory_order_release);
  TellRoom();
}

}  // namespace larder::storage
