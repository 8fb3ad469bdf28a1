#ifndef LARDER_STORAGE_MEMORY_BUDGET_H_
#define LARDER_STORAGE_MEMORY_BUDGET_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace larder::storage {

// The bytes that one node's keyspace may use and does use. Thread-safe. Every operation reads the
// limit, so it does not share a line with what many of them write.
// Memory is reserved before it is allocated, so `used` passes the limit only by what Charge had to
// add afterwards. A share of the limit may be kept for small changes of what is there.
class MemoryBudget {
 public:
  // Keeps 1 / `kept_share` of the limit, or nothing if that is 0.
  explicit MemoryBudget(uint64_t limit_bytes, uint64_t kept_share = 0) : kept_share_(kept_share) {
    SetLimit(limit_bytes);
  }

  // False, and nothing reserved, if that would pass the limit, or touch what is kept.
  bool TryReserve(uint64_t bytes) { return TryReserveBelow(open_bytes(), bytes); }
  // May take what is kept, but for the last `left_bytes` of it.
  bool TryReserveKept(uint64_t bytes, uint64_t left_bytes) {
    return TryReserveBelow(limit_bytes() - left_bytes, bytes);
  }
  // For what another node's budget has room for: layouts differ, so it may pass the limit by a
  // sixteenth of it.
  bool TryReserveForCopy(uint64_t bytes) {
    return TryReserveBelow(limit_bytes() + limit_bytes() / 16, bytes);
  }
  // Reserves what there is of them, and nothing of what is kept; returns how much that is.
  uint64_t ReserveUpTo(uint64_t bytes) {
    const uint64_t limit = open_bytes();
    uint64_t used = used_bytes_.load(std::memory_order_relaxed);
    uint64_t got = 0;
    do {
      got = std::min(bytes, limit - std::min(used, limit));
    } while (got > 0 &&
             !used_bytes_.compare_exchange_weak(used, used + got, std::memory_order_relaxed));
    return got;
  }

  // For memory that is in use already.
  void Charge(uint64_t bytes) { used_bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  void Release(uint64_t bytes) { used_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }

  uint64_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }
  uint64_t limit_bytes() const { return limit_bytes_.load(std::memory_order_relaxed); }
  // The part of the limit that is not kept.
  uint64_t open_bytes() const { return open_bytes_.load(std::memory_order_relaxed); }
  uint64_t kept_bytes() const { return KeptOf(limit_bytes()); }
  // Lower than what is used: then nothing can be reserved until enough was released.
  void SetLimit(uint64_t bytes) {
    limit_bytes_.store(bytes, std::memory_order_relaxed);
    open_bytes_.store(bytes - KeptOf(bytes), std::memory_order_relaxed);
  }
  // True when so little is left that what is wasted should be reclaimed.
  bool is_short() const { return used_bytes() > limit_bytes() / 16 * 15; }
  bool exceeded() const { return excess_bytes() > 0; }
  uint64_t excess_bytes() const {
    const uint64_t used = used_bytes();
    return used - std::min(used, limit_bytes());
  }

 private:
  uint64_t KeptOf(uint64_t limit) const { return kept_share_ == 0 ? 0 : limit / kept_share_; }
  bool TryReserveBelow(uint64_t limit, uint64_t bytes) {
    uint64_t used = used_bytes_.load(std::memory_order_relaxed);
    do {
      if (used > limit || bytes > limit - used) return false;
    } while (!used_bytes_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    return true;
  }

  const uint64_t kept_share_;
  alignas(64) std::atomic<uint64_t> limit_bytes_{0};
  std::atomic<uint64_t> open_bytes_{0};
  alignas(64) std::atomic<uint64_t> used_bytes_{0};
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_MEMORY_BUDGET_H_
