#include "storage/hybrid_clock.h"

#include <algorithm>

namespace larder::storage {

HybridClock::HybridClock(uint32_t node) : node_(node) {}

uint64_t HybridClock::Next(TimePoint now) {
  const int64_t milliseconds = std::max<int64_t>(now.time_since_epoch().count(), 0);
  const uint64_t physical = static_cast<uint64_t>(milliseconds) << kCounterBits;
  uint64_t last = last_tick_.load(std::memory_order_relaxed);
  uint64_t next;
  do {
    next = std::max(physical, last + 1);
  } while (!last_tick_.compare_exchange_weak(last, next, std::memory_order_relaxed));
  return next << kNodeBits | node_;
}

void HybridClock::Observe(uint64_t version) {
  const uint64_t seen = version >> kNodeBits;
  uint64_t last = last_tick_.load(std::memory_order_relaxed);
  while (last < seen && !last_tick_.compare_exchange_weak(last, seen, std::memory_order_relaxed)) {
  }
}

}  // namespace larder::storage
