#include "storage/hybrid_clock.h"

#include <algorithm>

namespace larder::storage {

HybridClock::HybridClock(uint32_t node) : node_(node) {}

uint64_t HybridClock::TakeTicks(TimePoint now, uint64_t count) {
  const uint64_t physical = FirstTickOf(now);
  uint64_t last = last_tick_.load(std::memory_order_relaxed);
  uint64_t first;
  do {
    first = std::max(physical, last + 1);
  } while (!last_tick_.compare_exchange_weak(last, first + count - 1, std::memory_order_relaxed));
  return first;
}

bool HybridClock::Observe(uint64_t version, TimePoint now) {
  const uint64_t seen = TickOf(version);
  if (seen > FirstTickOf(now + kAheadMax)) return false;
  uint64_t last = last_tick_.load(std::memory_order_relaxed);
  while (last < seen && !last_tick_.compare_exchange_weak(last, seen, std::memory_order_relaxed)) {
  }
  return true;
}

}  // namespace larder::storage
