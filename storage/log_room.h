#ifndef LARDER_STORAGE_LOG_ROOM_H_
#define LARDER_STORAGE_LOG_ROOM_H_

#include <cstddef>
#include <cstdint>

#include "storage/attached_log.h"
#include "storage/mutation_sink.h"

namespace larder::storage {

// Room in the log that one operation has reserved and not used yet; the rest goes back when it
// ends, which must be when no stripe is locked. Which log that is, if any, was seen when it began,
// and a stripe may meanwhile keep another one or none: it asks, and Renew looks again.
// Not thread-safe: of one thread.
class LogRoom {
 public:
  // `attached` may be nullptr: for what writes no record.
  explicit LogRoom(AttachedLog* attached)
      : attached_(attached), log_(attached == nullptr ? nullptr : attached->BeginUse()) {}
  ~LogRoom() {
    if (log_ != nullptr) [[unlikely]]
      End();
  }
  LogRoom(const LogRoom&) = delete;
  LogRoom& operator=(const LogRoom&) = delete;

  uint64_t RoomFor(size_t key_bytes, size_t value_bytes) const {
    return log_ == nullptr ? 0 : log_->RoomFor(key_bytes, value_bytes);
  }
  uint64_t RoomMax() const { return log_ == nullptr ? UINT64_MAX : log_->RoomMax(); }
  // Whether a stripe that keeps this log, or none, may write as much.
  bool HasFor(const MutationSink* kept, uint64_t bytes) const {
    return kept == nullptr || (kept == log_ && bytes_ >= bytes);
  }
  // Reserves what is missing. False, and nothing reserved: the log has not so much.
  bool Ensure(uint64_t bytes) {
    if (log_ == nullptr || bytes_ >= bytes) return true;
    if (!log_->TryReserve(bytes - bytes_)) return false;
    bytes_ = bytes;
    return true;
  }
  // Reserves room for one record, if there is some and the log can ever hold it: else it would be
  // written past the log's end.
  void EnsureRecord(size_t key_bytes, size_t value_bytes) {
    if (log_ == nullptr) [[likely]]
      return;
    const uint64_t bytes = log_->RoomFor(key_bytes, value_bytes);
    if (bytes <= log_->RoomMax()) static_cast<void>(Ensure(bytes));
  }
  // Looks which log is kept now, and if it is another one gives back what is reserved. True: it is.
  bool Renew() {
    if (attached_ == nullptr || attached_->get() == log_) return false;
    if (log_ != nullptr) End();
    log_ = attached_->BeginUse();
    return true;
  }

  // REQUIRES: HasFor the log that the stripe keeps.
  void Append(const Mutation& mutation) {
    bytes_ -= log_->RoomFor(mutation.key.size(), mutation.value.size());
    end_ = log_->Append(mutation);
  }
  // Where the log goes on behind what was appended last; 0: nothing was.
  uint64_t end() const { return end_; }

 private:
  // REQUIRES: there is a log.
  void End() {
    if (bytes_ > 0) log_->Release(bytes_);
    if (end_ != 0) log_->OnUnlocked();
    attached_->EndUse();
    bytes_ = 0;
    end_ = 0;
  }

  AttachedLog* const attached_;
  MutationSink* log_;
  uint64_t bytes_ = 0;
  uint64_t end_ = 0;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_LOG_ROOM_H_
