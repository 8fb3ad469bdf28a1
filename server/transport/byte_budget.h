#ifndef LARDER_SERVER_TRANSPORT_BYTE_BUDGET_H_
#define LARDER_SERVER_TRANSPORT_BYTE_BUDGET_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "client/channel/loop_time.h"

namespace larder::server {

// Bounds bytes that many connections hold together. What they hold is known to within
// ByteShare::kStepBytes for each. Thread-safe.
class ByteBudget {
 public:
  explicit ByteBudget(size_t bytes_max) : bytes_max_(bytes_max) {}

  // Whether one that holds `own` bytes is to hold no more. The last quarter is for those that hold
  // little, so that a few with much do not stop the others.
  bool IsFull(size_t own) const {
    const size_t used = used_bytes();
    return used >= bytes_max_ || (used >= bytes_max_ - bytes_max_ / 4 && own > kLittleBytes);
  }

  // Whether it is so nearly full that some who hold much are to be ended, until it is relieved: in
  // the middle between where they are refused more and where everybody is.
  bool IsScarce() const { return used_bytes() >= bytes_max_ - bytes_max_ / 8; }
  bool IsRelieved() const { return used_bytes() < bytes_max_ - bytes_max_ / 16 * 3; }

  size_t bytes_max() const { return bytes_max_; }
  size_t used_bytes() const {
    const int64_t used = used_.load(std::memory_order_relaxed);
    return used > 0 ? static_cast<size_t>(used) : 0;
  }

 private:
  friend class ByteShare;
  static constexpr size_t kLittleBytes = size_t{64} << 10;

  const size_t bytes_max_;
  std::atomic<int64_t> used_{0};
};

// What one connection holds of a budget, given back with it. Not thread-safe.
class ByteShare {
 public:
  static constexpr size_t kStepBytes = 4096;

  // `budget` outlives the share.
  explicit ByteShare(ByteBudget* budget) : budget_(budget) {}
  ~ByteShare() { Set(0, {}); }
  ByteShare(const ByteShare&) = delete;
  ByteShare& operator=(const ByteShare&) = delete;

  // To be called now and then; tells the budget of steps only, and of the end, so that one that
  // never holds much costs nothing. `now` is for ByteTime.
  void Report(size_t bytes, LoopTime now = {}) {
    const size_t change = bytes > reported_ ? bytes - reported_ : reported_ - bytes;
    if (change >= kStepBytes || (bytes == 0 && reported_ != 0)) Set(bytes, now);
  }

  // Something is held, of a budget that is scarce.
  bool IsScarce() const { return reported_ != 0 && budget_->IsScarce(); }
  // What the budget knows of, times how long it was not less: byte seconds, more than 0 if anything
  // is held.
  double ByteTime(LoopTime now) const {
    constexpr double kAtLeast = 1e-6;
    const double seconds = std::chrono::duration<double>(now - since_).count();
    return static_cast<double>(reported_) * std::max(seconds, kAtLeast);
  }

 private:
  void Set(size_t bytes, LoopTime now) {
    if (bytes == reported_) return;
    if (bytes < reported_ || reported_ == 0) since_ = now;
    budget_->used_.fetch_add(static_cast<int64_t>(bytes) - static_cast<int64_t>(reported_),
                             std::memory_order_relaxed);
    reported_ = bytes;
  }

  ByteBudget* const budget_;
  size_t reported_ = 0;
  LoopTime since_{};  // it is not less
};

}  // namespace larder::server

#endif  // LARDER_SERVER_TRANSPORT_BYTE_BUDGET_H_
