#include "tests/bench/cache_simulation.h"

#include <algorithm>
#include <list>
#include <unordered_map>

#include "client/load/random.h"
#include "client/measure/zipf.h"
#include "gtest/gtest.h"

namespace larder::bench {
namespace {

using storage::EvictionKind;

// LRU and FIFO as one would write them down: a list of objects, the next victim last.
class ListCache {
 public:
  ListCache(uint64_t capacity, bool counts_bytes, bool moves_on_use)
      : capacity_(capacity), counts_bytes_(counts_bytes), moves_on_use_(moves_on_use) {}

  bool Access(AccessTrace::Access access) {
    const uint64_t cost = counts_bytes_ ? access.bytes : 1;
    const auto found = places_.find(access.object);
    if (found != places_.end()) {
      if (moves_on_use_) order_.splice(order_.begin(), order_, found->second);
      return true;
    }
    if (cost > capacity_) return false;
    while (used_ + cost > capacity_) {
      used_ -= order_.back().second;
      places_.erase(order_.back().first);
      order_.pop_back();
    }
    order_.emplace_front(access.object, cost);
    places_[access.object] = order_.begin();
    used_ += cost;
    return false;
  }

 private:
  using Order = std::list<std::pair<uint32_t, uint64_t>>;

  const uint64_t capacity_;
  const bool counts_bytes_;
  const bool moves_on_use_;
  uint64_t used_ = 0;
  Order order_;
  std::unordered_map<uint32_t, Order::iterator> places_;
};

// Popular objects, now and then a scan over many others; each object keeps its size.
AccessTrace SyntheticTrace(size_t requests) {
  constexpr uint32_t kObjects = 3000;
  load::Random random(7);
  const load::Zipf zipf(kObjects, 0.8);
  AccessTrace trace;
  trace.objects = kObjects;
  trace.has_sizes = true;
  uint32_t scanned = 0;
  while (trace.accesses.size() < requests) {
    const bool scans = trace.accesses.size() % 5000 > 4000;
    const uint32_t object = scans ? scanned++ % kObjects : static_cast<uint32_t>(zipf.Next(random));
    const uint32_t bytes = 1 + static_cast<uint32_t>(load::Mix(object + 1) % 5000);
    trace.accesses.push_back({object, bytes});
  }
  return trace;
}

uint64_t ModelMisses(const AccessTrace& trace, const CacheSimulationOptions& options) {
  ListCache cache(options.capacity, options.counts_bytes, options.eviction == EvictionKind::kLru);
  uint64_t misses = 0;
  for (const AccessTrace::Access access : trace.accesses) misses += !cache.Access(access);
  return misses;
}

class CacheSimulationTest : public testing::Test {
 protected:
  uint64_t Misses(const CacheSimulationOptions& options) {
    const auto misses = CacheSimulation::CountMisses(options, trace_);
    EXPECT_TRUE(misses.ok()) << misses.status();
    return misses.value_or(0);
  }

  const AccessTrace trace_ = SyntheticTrace(60000);
};

TEST_F(CacheSimulationTest, LruAndFifoMissExactlyWhereTheModelDoes) {
  for (const EvictionKind eviction : {EvictionKind::kLru, EvictionKind::kFifo}) {
    for (const uint64_t capacity : {1, 2, 30, 300, 1500, 3000}) {
      const CacheSimulationOptions options{.eviction = eviction, .capacity = capacity};
      EXPECT_EQ(Misses(options), ModelMisses(trace_, options))
          << storage::EvictionKindName(eviction) << " " << capacity;
    }
  }
}

TEST_F(CacheSimulationTest, LruAndFifoMissExactlyWhereTheModelDoesWhenBytesCount) {
  for (const EvictionKind eviction : {EvictionKind::kLru, EvictionKind::kFifo}) {
    for (const uint64_t capacity : {1, 3000, 100000, 2000000}) {
      const CacheSimulationOptions options{
          .eviction = eviction, .capacity = capacity, .counts_bytes = true};
      EXPECT_EQ(Misses(options), ModelMisses(trace_, options))
          << storage::EvictionKindName(eviction) << " " << capacity;
    }
  }
}

TEST_F(CacheSimulationTest, PoliciesWhoseStripesCompareVictimsLoseNothingByStripes) {
  for (const EvictionKind eviction : {EvictionKind::kLru, EvictionKind::kFifo}) {
    CacheSimulationOptions options{.eviction = eviction, .capacity = 300};
    const uint64_t misses = Misses(options);
    options.stripes = 16;
    EXPECT_EQ(Misses(options), misses) << storage::EvictionKindName(eviction);
  }
}

TEST_F(CacheSimulationTest, SamplingPoliciesKeepTheCapacityOverAllStripes) {
  for (const uint32_t stripes : {1, 8}) {
    const CacheSimulationOptions options{
        .eviction = EvictionKind::kRandom, .capacity = 300, .stripes = stripes};
    const uint64_t misses = Misses(options);
    // Given room for all, each object misses once; with room for one, nearly every request does.
    EXPECT_GT(misses, uint64_t{3000});
    EXPECT_LT(misses, trace_.accesses.size() * 9 / 10);
  }
}

TEST_F(CacheSimulationTest, RefusesOptionsThatMakeNoSense) {
  const auto refused = [&](const CacheSimulationOptions& options) {
    return absl::IsInvalidArgument(CacheSimulation::CountMisses(options, trace_).status());
  };
  EXPECT_TRUE(refused({.capacity = 0}));
  EXPECT_TRUE(refused({.capacity = 10, .stripes = 3}));
  EXPECT_TRUE(refused({.capacity = 10, .stripes = 0}));
  EXPECT_TRUE(refused({.capacity = 10, .stripes = 32768}));
  EXPECT_TRUE(refused({.eviction = EvictionKind::kNone, .capacity = 10}));
  AccessTrace without_sizes = trace_;
  without_sizes.has_sizes = false;
  EXPECT_TRUE(absl::IsInvalidArgument(
      CacheSimulation::CountMisses({.capacity = 10, .counts_bytes = true}, without_sizes)
          .status()));
}

}  // namespace
}  // namespace larder::bench
