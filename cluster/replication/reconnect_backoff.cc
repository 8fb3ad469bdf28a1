#include "cluster/replication/reconnect_backoff.h"

#include <algorithm>

namespace larder::cluster {
namespace {

constexpr uint32_t kDoublingsMax = 20;

// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
uint64_t NextRandom(uint64_t* state) {
  uint64_t value = *state += 0x9e3779b97f4a7c15ULL;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

}  // namespace

Millis ReconnectBackoff::Next() {
  const Millis whole = std::min(options_.longest, options_.first * (int64_t{1} << attempts_));
  if (attempts_ < kDoublingsMax) ++attempts_;
  const auto half = static_cast<uint64_t>(whole.count()) / 2;
  return whole - Millis(NextRandom(&random_) % (half + 1));
}

}  // namespace larder::cluster
