#ifndef LARDER_SERVER_HANDLERS_RESPONSE_BUDGET_H_
#define LARDER_SERVER_HANDLERS_RESPONSE_BUDGET_H_

#include <cstddef>

namespace larder::server {

// Counts the encoded bytes of an answer of many items, and keeps for each item that is still to
// come the few bytes of an error without a message. A value that comes before all but misses and
// its own item's outcome is always admitted, so that a client that asks again gets on. Not
// thread-safe.
class ResponseBudget {
 public:
  // An encoded miss, or an error that has only a code.
  static constexpr size_t kLeastItemBytes = 6;
  // What the outcome of a write adds to that, with its position in the log.
  static constexpr size_t kWriteItemBytes = 80;

  ResponseBudget(size_t limit_bytes, size_t items)
      : limit_bytes_(limit_bytes),
        least_bytes_(items * kLeastItemBytes),
        used_bytes_(least_bytes_) {}

  // Takes `bytes` more than kLeastItemBytes for an item.
  bool Take(size_t bytes) {
    if (bytes > RoomBytes()) return false;
    used_bytes_ += bytes;
    return true;
  }

  // Takes room for a value likewise.
  bool TakeValue(size_t bytes) {
    if (!FitsValue(bytes)) return false;
    used_bytes_ += bytes;
    return true;
  }

  // Gives back what was taken and not used.
  void Return(size_t bytes) { used_bytes_ -= bytes; }

  size_t used_bytes() const { return used_bytes_; }
  // A value of up to `bytes` bytes would be admitted.
  bool FitsValue(size_t bytes) const {
    return used_bytes_ <= least_bytes_ + kWriteItemBytes || bytes <= RoomBytes();
  }

 private:
  size_t RoomBytes() const { return used_bytes_ < limit_bytes_ ? limit_bytes_ - used_bytes_ : 0; }

  const size_t limit_bytes_;
  const size_t least_bytes_;
  size_t used_bytes_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_RESPONSE_BUDGET_H_
