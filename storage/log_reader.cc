#include "storage/log_reader.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "storage/mutation_record.h"

namespace larder::storage {

absl::StatusOr<std::unique_ptr<LogReader>> LogReader::Create(MutationLog* log, uint64_t from,
                                                             Pace pace) {
  const auto out_of_range = [&] {
    return absl::OutOfRangeError(absl::StrCat("the log reaches from ", log->oldest(), " to ",
                                              log->position(), ", and not to ", from));
  };
  if (from < log->oldest() || from > log->position()) return out_of_range();
  MutationLog::Pin* const pin = log->AddPin();
  if (pin == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the log has ", MutationLog::kReadersMax, " readers, as many as it may"));
  }
  std::unique_ptr<LogReader> reader(new LogReader(log, pin, from));
  if (pace == Pace::kHoldsWriters && !reader->HoldWriters(log->bytes())) return out_of_range();
  return reader;
}

LogReader::~LogReader() { log_->RemovePin(pin_); }

bool LogReader::HoldWriters(uint64_t bytes_ahead_max) {
  const uint64_t lines = std::min(LogLinesOf(bytes_ahead_max), log_->lines_);
  pin_->lines_ahead.store(lines, std::memory_order_seq_cst);
  // One that holds them is pinned where it stands, whatever is given away and taken back now.
  if (pace_ == Pace::kMayFallBehind) {
    if (!Pin()) {
      pin_->lines_ahead.store(log_->lines_, std::memory_order_seq_cst);
      return false;
    }
    pace_ = Pace::kHoldsWriters;
  }
  log_->TellRoom();  // there is some if it holds them less than before
  return true;
}

void LogReader::LetWritersGo() {
  pace_ = Pace::kMayFallBehind;
  pin_->sequence.store(MutationLog::kNowhere, std::memory_order_seq_cst);
  pin_->lines_ahead.store(log_->lines_, std::memory_order_seq_cst);
  log_->TellRoom();
}

bool LogReader::Pin() {
  pin_->sequence.store(position_, std::memory_order_seq_cst);
  // More than once, since room may have been given away that is taken back at once.
  constexpr int kLooks = 16;
  for (int i = 0; i < kLooks; ++i) {
    // Whoever gives room away that this has not seen sees the pin.
    const uint64_t granted = log_->granted_.load(std::memory_order_seq_cst);
    if (position_ < log_->passed_.load(std::memory_order_seq_cst)) break;
    if (granted <= position_ + log_->lines_) return true;
  }
  pin_->sequence.store(MutationLog::kNowhere, std::memory_order_seq_cst);
  log_->TellRoom();
  return false;
}

LogReader::Result LogReader::Read(uint64_t bytes_max, absl::FunctionRef<void(const Record&)> take,
                                  uint64_t until) {
  if (pace_ == Pace::kMayFallBehind && !Pin()) return Result::kFellBehind;
  until = std::min(until, log_->whole_until());
  const uint64_t begin = position_;
  for (uint64_t given = 0; position_ < until && given < bytes_max;) {
    const LogRecord record(log_->At(position_));
    const uint64_t bytes = record.size();
    const uint64_t next = position_ + LogLinesOf(bytes);
    take({position_, next, record});
    position_ = next;
    given += bytes;
  }
  const bool holds = pace_ == Pace::kHoldsWriters;
  // Whoever awaits room and has not seen this is seen.
  pin_->sequence.store(holds ? position_ : MutationLog::kNowhere, std::memory_order_seq_cst);
  log_->TellRoom();
  return position_ > begin ? Result::kRead : Result::kNothingNew;
}

bool LogReader::Sleep() {
  log_->awaited_.fetch_or(MutationLog::kRecords, std::memory_order_seq_cst);
  return log_->next_.load(std::memory_order_seq_cst) <= position_;
}

}  // namespace larder::storage
