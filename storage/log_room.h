#ifndef LARDER_STORAGE_LOG_ROOM_H_
#define LARDER_STORAGE_LOG_ROOM_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "storage/mutation_sink.h"

namespace larder::storage {

// Room in the log that one operation has reserved and not used yet; the rest goes back when it
// ends, which must be when no stripe is locked. Where nobody keeps a log there is always enough.
// Not thread-safe.
class LogRoom {
 public:
  // `log` may be nullptr.
  explicit LogRoom(MutationSink* log) : log_(log) {}
  ~LogRoom() {
    if (bytes_ > 0) log_->Release(bytes_);
    if (has_appended_) log_->OnUnlocked();
  }
  LogRoom(const LogRoom&) = delete;
  LogRoom& operator=(const LogRoom&) = delete;

  bool keeps_log() const { return log_ != nullptr; }
  uint64_t RoomFor(size_t key_bytes, size_t value_bytes) const {
    return log_ == nullptr ? 0 : log_->RoomFor(key_bytes, value_bytes);
  }
  uint64_t RoomMax() const { return log_ == nullptr ? UINT64_MAX : log_->RoomMax(); }
  bool Has(uint64_t bytes) const { return log_ == nullptr || bytes_ >= bytes; }
  // Reserves what is missing. False, and nothing reserved: the log has not so much.
  bool Ensure(uint64_t bytes) {
    if (Has(bytes)) return true;
    if (!log_->TryReserve(bytes - bytes_)) return false;
    bytes_ = bytes;
    return true;
  }

  // REQUIRES: somebody keeps a log, and there is room for the record.
  void Append(const Mutation& mutation) {
    bytes_ -= log_->RoomFor(mutation.key.size(), mutation.value.size());
    log_->Append(mutation);
    has_appended_ = true;
  }

 private:
  MutationSink* const log_;
  uint64_t bytes_ = 0;
  bool has_appended_ = false;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_LOG_ROOM_H_
